"""A canary on a route of its own carries what there is."""

from __future__ import annotations

from mstoolkit.config import Policy, Server
from mstoolkit.model import Enqueued, Lot, Parcel, Send
from mstoolkit.testing import Rehearsal

NEWS = Lot(0, "spring", "spring", "marketing", "gmail", "active", 1e9)


def test_a_route_whose_only_server_is_a_canary_is_served() -> None:
    """A share beside nobody is not nothing: its mail would wait for ever."""
    tree = {"rotation": {"kind": "smooth-weighted"}, "canaries": {"new": {"steps": [0.01, 1.0]}}}
    routes = [{"servers": ["new"], "campaigns": ["spring"]}]
    policy = Policy.model_validate({**tree, "routes": routes})
    play = Rehearsal({"old": Server(), "new": Server()}, policy)
    play.tell(Enqueued(0.0, Parcel(NEWS, 0, 20, 0, 0.0)))
    play.run(60.0)
    assert {send.server for _, send in play.all(Send)} == {"new"}
    assert play.totals["delivered"] == 20
