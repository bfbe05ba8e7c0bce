"""News of accepted mail: what the dispatcher is told in time, and what is only written down."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

import pandas as pd

from mstoolkit.model import Feedback, Send


class FeedbackListener(Protocol):
    """Takes news of one message, dated ahead.

    `category` is empty for what a sender is told (DSNs, complaints over a feedback loop,
    unsubscribes); otherwise the news is only to be observed, as of that category.
    """

    def __call__(self, feedback: Feedback, category: str = "", /) -> None:
        """Take news."""


class Receivers(Protocol):
    """The servers of a run in the same process: where they are, and what people do with the mail.

    `mstoolkit.sinks.Sinks` is one.
    """

    @property
    def addresses(self) -> Mapping[str, tuple[str, int]]:
        """Host and port by server."""

    def subscribe(self, listener: FeedbackListener, /) -> None:
        """Tell `listener` of what comes."""

    def truth(self) -> pd.DataFrame:
        """Give the providers' hidden state over time, which is stored for analysis only."""


Observe = Callable[[Feedback, str | None], None]


class Intake:
    """Keeps news until its time comes.

    News arrives while its message is still in flight; it waits for the answer, so that the
    dispatcher hears of a delivery before it hears what became of it.
    """

    def __init__(self, observe: Observe, until: float) -> None:
        self._observe = observe
        self._until = until
        self._flying: dict[tuple[str, int], Send] = {}
        self._waiting: dict[tuple[str, int], list[Feedback]] = {}
        self._due: list[tuple[float, int, Feedback]] = []
        self._count = 0

    def sent(self, send: Send) -> None:
        """Remember what flies, so that news of it can name its parcel."""
        self._flying[send.parcel.lot.list, send.parcel.first] = send

    def answered(self, send: Send) -> None:
        """Let go of news that waited for this answer."""
        key = (send.parcel.lot.list, send.parcel.first)
        self._flying.pop(key, None)
        for feedback in self._waiting.pop(key, ()):
            self._put(feedback)

    def __call__(self, feedback: Feedback, category: str = "", /) -> None:
        """Take news, which may come before the answer that it follows from."""
        if feedback.at > self._until:
            return
        key = (feedback.parcel.lot.list, feedback.parcel.first)
        send = self._flying.get(key)
        if send is not None:
            parcel = replace(send.parcel, parent=send.token)
            feedback = replace(feedback, parcel=parcel)
        if category:
            self._observe(feedback, category)
        elif send is not None:
            self._waiting.setdefault(key, []).append(feedback)
        else:
            self._put(feedback)

    def _put(self, feedback: Feedback) -> None:
        heapq.heappush(self._due, (feedback.at, self._count, feedback))
        self._count += 1

    def next(self) -> float | None:
        """Return when the next news is due, scenario s."""
        return self._due[0][0] if self._due else None

    def take(self, now: float) -> Feedback | None:
        """Return the earliest news that is due."""
        if self._due and self._due[0][0] <= now:
            return heapq.heappop(self._due)[2]
        return None

    def rest(self) -> list[Feedback]:
        """Hand out what comes after the end of the run, in order of time."""
        for waiting in self._waiting.values():
            for feedback in waiting:
                self._put(feedback)
        self._waiting.clear()
        return [heapq.heappop(self._due)[2] for _ in range(len(self._due))]
