"""What reaches a provider, and what it says to it."""

from __future__ import annotations

from typing import NamedTuple

from mstoolkit.config.replies import ReplyText
from mstoolkit.model import FeedbackKind, Parcel, Phase, Reply

Replies = tuple[tuple[Reply, int], ...]


class Attempt:
    """What reaches a provider: a parcel from a source IP.

    It is spread over `span` s on `slots` connections, after `carried` messages on the same one.
    """

    __slots__ = ("carried", "parcel", "slots", "source_ip", "span")

    def __init__(
        self, source_ip: str, parcel: Parcel, span: float = 0.0, slots: int = 1, carried: int = 0
    ) -> None:
        self.source_ip = source_ip
        self.parcel = parcel
        self.span = span
        self.slots = slots
        self.carried = carried

    def head(self, n: int) -> Attempt:
        """Return the attempt at the first `n` messages alone."""
        parcel = self.parcel
        if n == parcel.n:
            return self
        span = self.span * n / parcel.n
        return Attempt(self.source_ip, parcel.head(n), span, self.slots, self.carried)


class News(NamedTuple):
    """Feedback to come: what, how many s after the verdict, how many, and which (-1: counted)."""

    kind: FeedbackKind
    delay: float
    n: int
    first: int
    reply: Reply | None = None
    machine: bool = False


class Verdict(NamedTuple):
    """The answer to an attempt.

    ``replies`` are counts per reply; ``unsent`` messages at the end were not looked at, because the
    connection was closed after the share ``done`` of the parcel.
    """

    replies: Replies
    unsent: int = 0
    closed: bool = False
    feedback: tuple[News, ...] = ()
    done: float = 1.0


def worded(text: ReplyText, phase: Phase) -> Reply:
    """Return a profile's text as the reply that it is in a phase of the session."""
    return Reply(text.code, text.status, text.text, phase)
