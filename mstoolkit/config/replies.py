"""What a provider says: a text with its codes for each thing that it means."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from mstoolkit.config.base import Frozen
from mstoolkit.config.explain import offer
from mstoolkit.config.units import Count

Demand = Literal["ignored", "bulk", "always"]


class Gates(Frozen):
    """What must be in order before a message is looked at: of bulk senders, of all, or of none.

    A sender of more than ``bulk_from`` messages a day is a bulk sender. ``reply`` of each gate that
    refuses is the profile's ``gates`` text of that name, else a policy refusal.
    """

    bulk_from: Count = Field(5000, ge=1)
    spf: Demand = "ignored"
    dkim: Demand = "ignored"
    dmarc: Demand = "ignored"
    tls: Demand = "ignored"
    ptr: Demand = "ignored"
    helo: Demand = "ignored"
    one_click: Demand = "ignored"


class ReplyText(Frozen):
    """A reply as the provider sends it."""

    code: Count = Field(ge=200, le=599)
    status: str = Field(pattern=r"^(\d\.\d{1,3}\.\d{1,3})?$")
    text: str


class Replies(Frozen):
    """The provider's texts by what they mean.

    ``listed`` is said to a source IP on a blocklist that the provider consults; ``blocked`` is, if
    it is left out.
    """

    accepted: ReplyText
    throttled: ReplyText
    busy: ReplyText
    full: ReplyText
    unknown: ReplyText
    blocked: ReplyText
    spam: ReplyText
    connections: ReplyText
    greylisted: ReplyText | None = None
    listed: ReplyText | None = None
    gates: dict[str, ReplyText] = {}

    @model_validator(mode="after")
    def _only_acceptance_accepts(self) -> Replies:
        for name in type(self).model_fields:
            reply = getattr(self, name)
            families, wanted = ((2,), "2xx") if name == "accepted" else ((4, 5), "4xx or 5xx")
            if isinstance(reply, ReplyText) and reply.code // 100 not in families:
                raise ValueError(f"{name}.code: {reply.code} cannot be; give {wanted}")
        return self

    @model_validator(mode="after")
    def _gates_exist(self) -> Replies:
        known = [name for name in Gates.model_fields if name != "bulk_from"]
        for name, reply in self.gates.items():
            if name not in known:
                raise ValueError(f"gates.{name}: there is no such gate; {offer(name, known)}")
            if reply.code < 400:
                raise ValueError(f"gates.{name}.code: {reply.code} is no refusal; give 4xx or 5xx")
        return self
