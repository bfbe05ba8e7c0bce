"""Events, observations and attempts as JSON, and back; lots are named by their numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, NamedTuple

from mstoolkit.model import (
    Closed,
    ConnectionFailed,
    Enqueued,
    Event,
    Feedback,
    Halted,
    Lost,
    Lot,
    Parcel,
    PolicyChanged,
    PoolChanged,
    Replied,
    Reply,
    Send,
    Tick,
    Withdrawn,
)

_KINDS: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        Enqueued, Withdrawn, Replied, ConnectionFailed, Closed, Lost, Feedback, PoolChanged,
        PolicyChanged, Halted, Tick,
    )
}  # fmt: skip
_FIELDS = {kind: tuple(each.name for each in fields(kind)) for kind in _KINDS.values()}
_PLACES = {
    kind: {name: names.index(name) + 1 for name in ("parcel", "reply", "replies") if name in names}
    for kind, names in _FIELDS.items()
}
_SEEN = "observed"
_json = json.JSONEncoder(separators=(",", ":")).encode
Lots = Mapping[int, Lot]


class Observed(NamedTuple):
    """News that was written down without telling the dispatcher."""

    feedback: Feedback
    category: str | None


def encode(event: Event) -> str:
    """Return an event as a list in JSON: its kind, then its fields in their order.

    Examples
    --------
    >>> encode(Tick(2.5)), encode(Lost(3.0, 7))
    ('["Tick",2.5]', '["Lost",3.0,7]')
    """
    return _json(_values(event))


def encode_observed(feedback: Feedback, category: str | None) -> str:
    """Return an observation as a list in JSON."""
    return _json([_SEEN, category, *_values(feedback)])


def decode(text: str, lots: Lots) -> Event | Observed:
    """Return what `encode` or `encode_observed` took down."""
    values = json.loads(text)
    if values[0] != _SEEN:
        return _event(values, lots)
    feedback = _event(values[2:], lots)
    if not isinstance(feedback, Feedback):
        raise ValueError(f"an observation of {type(feedback).__name__}")
    return Observed(feedback, values[1])


def parcel_values(parcel: Parcel) -> list[Any]:
    """Return a parcel's fields, its lot by number."""
    return [
        parcel.lot.id, parcel.first, parcel.n, parcel.attempt, parcel.born, parcel.parent,
        parcel.cause,
    ]  # fmt: skip


def parcel_of(values: list[Any], lots: Lots) -> Parcel:
    """Return the parcel with these fields."""
    return Parcel(lots[values[0]], *values[1:])


def send_values(send: Send) -> list[Any]:
    """Return an attempt's fields."""
    return [
        send.token, send.server, send.isp, parcel_values(send.parcel), send.connection, send.fresh,
        send.slots, send.span,
    ]  # fmt: skip


def send_of(values: list[Any], lots: Lots) -> Send:
    """Return the attempt with these fields."""
    token, server, isp, parcel, *rest = values
    return Send(token, server, isp, parcel_of(parcel, lots), *rest)


def lot_text(lot: Lot) -> str:
    """Return a lot as JSON."""
    return _json([getattr(lot, each.name) for each in fields(lot)])


def lot_of(text: str) -> Lot:
    """Return the lot that `lot_text` took down."""
    return Lot(*json.loads(text))


def _values(event: Event) -> list[Any]:
    kind = event.__class__
    if isinstance(event, Replied):  # most are
        return [
            "Replied", event.at, event.token, event.replies, event.unsent, event.latency,
            event.closed,
        ]  # fmt: skip
    values = [kind.__name__, *(getattr(event, name) for name in _FIELDS[kind])]
    place = _PLACES[kind].get("parcel")
    if place:
        values[place] = parcel_values(values[place])
    return values


def _event(values: list[Any], lots: Lots) -> Event:
    kind = _KINDS[values[0]]
    places = _PLACES[kind]
    if "parcel" in places:
        values[places["parcel"]] = parcel_of(values[places["parcel"]], lots)
    if "reply" in places and values[places["reply"]] is not None:
        values[places["reply"]] = Reply(*values[places["reply"]])
    if "replies" in places:
        place = places["replies"]
        values[place] = tuple((Reply(*reply), n) for reply, n in values[place])
    event: Event = kind(*values[1:])
    return event
