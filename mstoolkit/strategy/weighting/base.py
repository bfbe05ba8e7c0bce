"""What a weigher is: how much of the mail a path should carry, as a factor of its weight.

A path's weight is the product of its policy's weighers. Only proportions count: factors say what a
path is due beside others, not a number of messages.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

from mstoolkit.config import Server

OutcomeKind = Literal["delivered", "deferred", "bounced", "complained", "unsubscribed"]


class Weighed(Protocol):
    """What a weigher may know of a path: server x ISP, for one stream."""

    @property
    def number(self) -> int:
        """Number of the path."""

    @property
    def index(self) -> int:
        """Number of its server in the pool."""

    @property
    def isp_name(self) -> str:
        """Name of its ISP."""

    @property
    def stream(self) -> str:
        """Its stream; empty where streams are not told apart."""

    @property
    def spec(self) -> Server:
        """Its server, as the scenario describes it."""


@dataclass(slots=True)
class Outcome:
    """What became of messages, as far as it is known by now.

    Parameters
    ----------
    n : int
        Number of messages.
    kind : str
        ``delivered``, ``deferred``, ``bounced``, ``complained`` or ``unsubscribed``.
    blamed : bool
        Whether the path is to blame; an unknown user, for one, is the list's fault.
    latency : float
        Mean time (s) that a message took; 0 is unknown.
    decided_at : float
        Scenario time (s) at which the attempt was sent.
    reverses : bool, optional
        Whether this turns an earlier delivery into a bounce, as a later DSN does.
    """

    n: int
    kind: OutcomeKind
    blamed: bool
    latency: float
    decided_at: float
    reverses: bool = False


class Weigher(ABC):
    """Gives each path a factor of its weight.

    ``learns`` asks for `observe`. ``timely`` says that factors change with time alone (hours, slow
    start, decay). ``compares`` says that news of one path may move the factors of others at the
    same ISP and stream.
    """

    learns: ClassVar[bool] = False
    timely: ClassVar[bool] = False
    compares: ClassVar[bool] = False

    @abstractmethod
    def factor(self, path: Weighed, now: float) -> float:
        """Return the factor of a path: 0 blocks it, 1 is neutral; changes nothing.

        Parameters
        ----------
        path : Weighed
            Server, ISP and stream.
        now : float
            Scenario time, s.
        """

    def observe(self, path: Weighed, outcome: Outcome, now: float) -> None:  # noqa: B027 (most do not learn)
        """Learn from what became of messages.

        Parameters
        ----------
        path : Weighed
            What carried them.
        outcome : Outcome
            What became of them.
        now : float
            Scenario time (s) of the news, which may be much later than the attempt.
        """

    def began(self, path: Weighed, now: float) -> None:  # noqa: B027 (slow start alone cares)
        """Take note that a path is in use again after it was suspended.

        Parameters
        ----------
        path : Weighed
            What is in use again.
        now : float
            Scenario time, s.
        """

    def snapshot(self) -> dict[str, Any]:
        """Return the state as JSON-able values."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:  # noqa: B027 (some keep no state)
        """Take over a state that `snapshot` returned."""
