"""Routes: which servers carry which mail, and what happens when none of them can."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from mstoolkit.config import Breaker, ConfigError, Failover, Pacing, Policy, Retry, Server
from mstoolkit.config.rotation import RoundRobinSpec
from mstoolkit.config.routing import RouteSpec
from mstoolkit.model import (
    ConnectionFailed,
    Enqueued,
    Event,
    Finish,
    Lot,
    Parcel,
    PoolChanged,
    Replied,
    Reply,
    Send,
    Withdrawn,
)
from mstoolkit.testing import OK, Rehearsal, accepting

SERVERS = {"a": Server(), "b": Server(), "c": Server()}
REFUSED = Reply(0, "", "connection refused", "connect")
GREYLISTED = Reply(451, "4.7.1", "Greylisted, please try again later", "rcpt")


def lot(number: int = 0, isp: str = "gmail", stream: str = "marketing", **more: str) -> Lot:
    campaign, segment = more.get("campaign", "spring"), more.get("segment", "active")
    return Lot(number, campaign, campaign, stream, isp, segment, 100_000.0)


def policy(*routes: RouteSpec, **failover: object) -> Policy:
    return Policy(
        rotation=RoundRobinSpec(kind="round-robin"),
        routes=routes,
        pacing=Pacing(rate=1000.0, burst=1000, connections=1000),
        failover=Failover(server=Breaker(failures=1, base=600.0, probe=1), **failover),
        retry=Retry(base=60.0, jitter=0.0, quantum=1.0),
    )


def used(play: Rehearsal) -> set[str]:
    return {send.server for _, send in play.all(Send)}


def sent(policy: Policy, which: Lot, n: int = 12) -> set[str]:
    """Return the servers that carry some mail of a lot."""
    play = Rehearsal(SERVERS, policy)
    for k in range(n):
        play.tell(Enqueued(0.0, Parcel(which, k, 1)))
    return used(play)


@pytest.mark.parametrize(
    ("names", "fitting", "other"),
    [
        ({"isps": ["gmail"]}, lot(), lot(isp="yahoo")),
        ({"streams": ["transactional"]}, lot(stream="transactional"), lot()),
        ({"segments": ["cold"]}, lot(segment="cold"), lot()),
        ({"campaigns": ["codes"]}, lot(campaign="codes"), lot()),
    ],
)
def test_mail_that_a_route_names_takes_its_servers(
    names: dict[str, list[str]], fitting: Lot, other: Lot
) -> None:
    """Each of the four criteria sends what fits by the route's servers, the rest by all."""
    chosen = policy(RouteSpec(servers=("a", "b"), **names))
    assert sent(chosen, fitting) == {"a", "b"}
    assert sent(chosen, other) == {"a", "b", "c"}


def test_criteria_must_all_hold_even_where_names_coincide() -> None:
    """A campaign that is called like a stream is not taken for it."""
    route = RouteSpec(servers=("a",), streams=("codes",), campaigns=("codes",))
    assert sent(policy(route), lot(campaign="codes")) == {"a", "b", "c"}
    assert sent(policy(route), lot(campaign="codes", stream="codes")) == {"a"}


def test_the_first_route_that_fits_is_taken() -> None:
    """Order decides, as in a firewall."""
    first = RouteSpec(servers=("a",), isps=("gmail",))
    second = RouteSpec(servers=("b",))
    assert sent(policy(first, second), lot()) == {"a"}
    assert sent(policy(first, second), lot(isp="yahoo")) == {"b"}


def test_exclusive_servers_carry_nothing_else() -> None:
    """What no route names goes by the others."""
    route = RouteSpec(servers=("a",), isps=("gmail",), exclusive=True)
    assert sent(policy(route), lot(isp="yahoo")) == {"b", "c"}


def test_one_name_stands_for_a_list() -> None:
    """As people write it."""
    assert RouteSpec.model_validate({"servers": "a", "isps": "gmail"}).isps == ("gmail",)


def test_a_route_by_an_unknown_server_is_refused() -> None:
    """By the dispatcher, whoever made the policy."""
    with pytest.raises(ConfigError, match="'d'"):
        Rehearsal(SERVERS, policy(RouteSpec(servers=("d",))))


def test_a_route_without_servers_is_refused() -> None:
    """It would hold mail forever."""
    with pytest.raises(ValidationError):
        RouteSpec(servers=())


def failing(server: str) -> object:
    """Return an answer: one server cannot be reached, the rest accept."""

    def answer(now: float, send: Send) -> Event:
        if send.server == server:
            return ConnectionFailed(now, send.token, REFUSED)
        return Replied(now + 0.1, send.token, ((OK, send.parcel.n),))

    return answer


ONLY_A = RouteSpec(servers=("a",), isps=("gmail",))


def play_without_a(**failover: object) -> Rehearsal:
    play = Rehearsal(SERVERS, policy(ONLY_A, **failover), failing("a"))  # type: ignore[arg-type]
    play.tell(Enqueued(0.0, Parcel(lot(), 0, 5)))
    play.run(300.0)
    return play


def test_mail_is_held_while_its_servers_are_suspended() -> None:
    """The default: it waits, by whatever way others could go."""
    play = play_without_a()
    assert used(play) == {"a"}
    assert play.totals["queued"] == 5


def test_mail_spills_to_servers_outside_its_route_if_told_so() -> None:
    """And nothing of it is lost."""
    play = play_without_a(exhausted="spill")
    assert play.totals["delivered"] == 5
    assert used(play) == {"a", "b", "c"}


def test_spilling_never_takes_exclusive_servers_of_others() -> None:
    """What is kept for others stays kept."""
    kept = RouteSpec(servers=("b",), isps=("yahoo",), exclusive=True)
    play = Rehearsal(SERVERS, policy(ONLY_A, kept, exhausted="spill"), failing("a"))  # type: ignore[arg-type]
    play.tell(Enqueued(0.0, Parcel(lot(), 0, 5)))
    play.run(300.0)
    assert used(play) == {"a", "c"}


def test_spilling_ends_when_a_server_of_the_route_is_back() -> None:
    """A probe through the route's own server, then all mail by it again."""
    play = Rehearsal(SERVERS, policy(ONLY_A, exhausted="spill"), failing("a"))  # type: ignore[arg-type]
    play.tell(Enqueued(0.0, Parcel(lot(), 0, 5)))
    play.run(300.0)
    play.answer = accepting(0.1)
    play.run(700.0)
    before = len(play.all(Send))
    for k in range(10, 20):
        play.tell(Enqueued(play.now, Parcel(lot(), k, 1)))
        play.run(play.now + 1.0)
    assert {send.server for _, send in play.all(Send)[before:]} == {"a"}


def test_mail_is_shed_after_a_while_if_told_so() -> None:
    """It ends as expired with a reason; what comes later is shed at once."""
    play = play_without_a(exhausted="shed", shed_after=200.0)
    ends = {(at, end.outcome, end.reason) for at, end in play.all(Finish)}
    assert ends == {(200.0, "expired", "no server could be used")}
    assert play.totals["expired"] == 5
    play.tell(Enqueued(play.now, Parcel(lot(), 7, 2)))
    assert play.totals["expired"] == 7


def test_shedding_is_called_off_when_a_server_is_back_in_time() -> None:
    """The wait begins anew with the next outage."""
    play = Rehearsal(SERVERS, policy(ONLY_A, exhausted="shed", shed_after=1000.0), failing("a"))  # type: ignore[arg-type]
    play.tell(Enqueued(0.0, Parcel(lot(), 0, 5)))
    play.run(300.0)
    play.answer = accepting(0.1)
    play.run(5000.0)
    assert play.totals["delivered"] == 5


def test_panic_tries_servers_that_could_not_be_reached() -> None:
    """With every server suspended for refused connections, they are probed before their time."""
    play = play_without_a(panic=20.0)
    assert {at for at, _ in play.all(Send)} == {20.0 * k for k in range(16)}
    play.answer = accepting(0.1)
    play.run(play.now + 40.0)
    assert play.totals["delivered"] == 5


def test_panic_ends_with_the_outage() -> None:
    """Suspensions last as long as they should again."""
    play = play_without_a(panic=20.0)
    play.answer = accepting(0.1)
    play.run(400.0)
    play.answer = failing("a")  # type: ignore[assignment]
    play.tell(Enqueued(400.0, Parcel(lot(1, isp="yahoo"), 7, 1)))
    play.run(700.0)
    assert play.totals["delivered"] == 6, "the rest of the pool carries it"
    assert [at for at, send in play.all(Send) if send.server == "a" and at > 400.0] == []


def test_panic_never_overrides_an_operator_or_an_isp() -> None:
    """A drained server stays out."""
    play = Rehearsal(SERVERS, policy(ONLY_A, panic=20.0))
    play.tell(PoolChanged(0.0, "a", "drained"))
    play.tell(Enqueued(0.0, Parcel(lot(), 0, 5)))
    play.run(300.0)
    assert not play.all(Send)


def greylisting(now: float, send: Send) -> Event:
    reply = GREYLISTED if send.parcel.attempt == 0 else OK
    return Replied(now + 0.1, send.token, ((reply, send.parcel.n),))


def test_greylisted_mail_stays_on_its_server() -> None:
    """Each message's second attempt is made by the server of its first."""
    play = Rehearsal(SERVERS, policy(), greylisting)
    for k in range(9):
        play.tell(Enqueued(0.0, Parcel(lot(), k, 1)))
    play.run(600.0)
    tries: dict[int, list[str]] = {}
    for _, send in play.all(Send):
        tries.setdefault(send.parcel.first, []).append(send.server)
    assert all(first == second for first, second in tries.values())
    assert len({first for first, _ in tries.values()}) == 3


def test_greylisted_mail_moves_when_its_server_is_gone() -> None:
    """Waiting for a server that is out would lose more than the wait begun anew."""
    play = Rehearsal(SERVERS, policy(), greylisting)
    play.tell(Enqueued(0.0, Parcel(lot(), 0, 1)))
    play.run(1.0)
    (first,) = used(play)
    play.tell(PoolChanged(play.now, first, "drained"))
    play.run(600.0)
    assert play.totals["delivered"] == 1
    assert len(used(play)) == 2


def test_pins_can_be_left_out() -> None:
    """As a policy may say."""
    play = Rehearsal(SERVERS, policy(pin=False), greylisting)
    play.tell(Enqueued(0.0, Parcel(lot(), 0, 1)))
    play.run(600.0)
    assert len(used(play)) == 2


def test_two_routes_that_share_a_server_take_turns() -> None:
    """A long queue on one route does not keep the other one from the slots that come free."""
    routes = (
        RouteSpec(servers=("a",), campaigns=("spring",)),
        RouteSpec(servers=("a",), campaigns=("autumn",)),
    )
    chosen = policy(*routes).model_copy(update={"pacing": Pacing(rate=1000.0, connections=1)})
    play = Rehearsal(SERVERS, chosen)
    play.tell(Enqueued(0.0, Parcel(lot(0, campaign="spring"), 0, 500)))
    play.tell(Enqueued(0.0, Parcel(lot(1, campaign="autumn"), 0, 20)))
    play.run(25.0)
    carried = [send.parcel.lot.campaign for _, send in play.all(Send)]
    assert carried.count("autumn") == 20


def test_urgent_mail_of_any_route_goes_before_the_rest() -> None:
    """Whoever's turn it would be: what overtakes takes the slot that comes free."""
    routes = (RouteSpec(servers=("a",), streams=("transactional",)), RouteSpec(servers=("a",)))
    chosen = policy(*routes).model_copy(update={"pacing": Pacing(rate=1000.0, connections=1)})
    play = Rehearsal(SERVERS, chosen)
    play.tell(Enqueued(0.0, Parcel(lot(0), 0, 50)))
    play.tell(Enqueued(0.0, Parcel(lot(1, stream="transactional"), 0, 5)))
    play.run(20.0)
    streams = [send.parcel.lot.stream for _, send in play.all(Send)]
    assert streams[1:6] == ["transactional"] * 5


def test_panic_rests_while_there_is_no_mail() -> None:
    """Nothing is probed for nothing; the next message begins it anew."""
    play = play_without_a(panic=20.0)
    play.tell(Withdrawn(play.now, "spring"))
    play.run(5000.0)  # until what was suspended before is over
    before = len(play.log)
    play.run(90_000.0)
    assert len(play.log) <= before + 1, "its lot expires"
    play.now = 90_000.0
    play.tell(Enqueued(play.now, Parcel(lot(), 9, 1)))
    play.answer = accepting(0.1)
    play.run(play.now + 650.0)
    assert play.totals["delivered"] == 1


def test_connections_that_are_turned_away_are_tried_at_the_path_s_pace() -> None:
    """Even where no breaker opens, a refusal at once is not tried again at once."""
    patient = policy().model_copy(
        update={
            "pacing": Pacing(rate=1.0, burst=1),
            "failover": Failover(path=Breaker(failures=10**9), server=Breaker(failures=10**9)),
        }
    )
    busy = Reply(421, "4.7.0", "try again later", "connect")
    play = Rehearsal(
        {"a": Server()}, patient, lambda now, send: ConnectionFailed(now, send.token, busy)
    )
    play.tell(Enqueued(0.0, Parcel(lot(), 0, 5)))
    play.run(60.0)
    assert 50 <= len(play.all(Send)) <= 62
