"""What meters messages over time: the protocol of a limiter.

A meter is asked (`ready_at`, `room`, `leaves`), which changes nothing, and then charged (`commit`).
All times are scenario time in s. A clock that goes backwards only makes a meter stricter.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple

MINUTE = 60.0  # s; where messages are spread over time, a parcel takes at most so much of the rate
SAME = 1e-6  # s; spans that differ by less are one


class Meter(ABC):
    """How many messages may leave, and when.

    A parcel of several messages is charged at once and leaves over a span. Of its messages the
    first leaves when it is taken, the last at the end of the span, the others evenly in between.
    """

    @property
    def period(self) -> object:
        """What tells it from others of its kind but for how much it lets through."""
        return None

    @abstractmethod
    def ready_at(self, now: float) -> float:
        """Return when (s) the next message may leave; `now` if it may leave now."""

    @abstractmethod
    def room(self, now: float, most: int) -> int:
        """Return how many messages, up to `most`, may be taken now as one parcel.

        It is 0 exactly when nothing is ready. Windows and quotas give what they have left, meters
        that spread messages a minute of their rate, or their burst if that is more.
        """

    @abstractmethod
    def leaves(self, n: int, now: float) -> float:
        """Return when (s) the last of `n` messages would leave, were they taken `now`."""

    @abstractmethod
    def commit(self, n: int, now: float, span: float = 0.0) -> float:
        """Take `n` messages, and return the span (s) over which they leave; 0 is at once.

        Parameters
        ----------
        n : int
            At least 1, at most what `room` gives.
        now : float
            Scenario time, s.
        span : float
            Time (s) over which they are spread anyway, because another limit asks for it. They are
            charged when they leave, not when they are taken.
        """

    @abstractmethod
    def refund(self, n: int, charged_at: float, span: float | None = None) -> None:
        """Give back messages that were not sent after all; nothing if the charge has lapsed.

        Parameters
        ----------
        n : int
            How many: the last ones of their parcel. The others have left.
        charged_at : float
            When (s) they were taken.
        span : float, optional
            What `commit` returned for the parcel (s); it tells charges of one time apart.
        """

    @abstractmethod
    def snapshot(self) -> dict[str, Any]:
        """Return the state as JSON-able values."""

    @abstractmethod
    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a state that `snapshot` returned."""


class _Charge(NamedTuple):
    n: int
    at: float
    span: float  # that was asked for
    whole: float  # that it took
    before: list[Any]

    def is_at(self, charged_at: float, span: float | None) -> bool:
        return self.at == charged_at and (span is None or abs(span - self.whole) <= SAME)


class Reversible(Meter):
    """A meter whose state is small enough to be remembered from before its last charge.

    So the last charge, which is the one that is given back as a rule, is taken back exactly: the
    meter goes on as if the messages that were not sent had never been asked for.
    """

    def __init__(self) -> None:
        self._last: _Charge | None = None

    def commit(self, n: int, now: float, span: float = 0.0) -> float:
        whole = max(span, self.leaves(n, now) - now)
        self._last = _Charge(n, now, span, whole, self._state())
        self._charge(n, now, whole)
        return whole

    def refund(self, n: int, charged_at: float, span: float | None = None) -> None:
        last = self._last
        if last is not None and last.is_at(charged_at, span):
            n -= self._take_back(n, last)
        if n:
            self._last = None
            self._give_back(n, charged_at)

    def _take_back(self, n: int, last: _Charge) -> int:
        """Undo up to `n` of the last charge; return how many that were."""
        self._resume(last.before)
        self._last = None
        left = max(0, last.n - n)
        if left:
            self.commit(left, last.at, last.span * (left - 1) / (last.n - 1))
        return last.n - left

    def snapshot(self) -> dict[str, Any]:
        return {"state": self._state(), "last": None if self._last is None else [*self._last]}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._resume(state["state"])
        self._last = None if state["last"] is None else _Charge(*state["last"])

    @abstractmethod
    def _charge(self, n: int, now: float, span: float) -> None:
        """Charge `n` messages that leave over a span (s)."""

    @abstractmethod
    def _give_back(self, n: int, charged_at: float) -> None:
        """Give back from a charge that was not the last one."""

    @abstractmethod
    def _state(self) -> list[Any]: ...

    @abstractmethod
    def _resume(self, state: list[Any]) -> None: ...
