"""What the sender needs of the dispatcher and of the books, so that tests can stand in for both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from mstoolkit.model import Command, Event, Feedback, Send


class Decider(Protocol):
    """A dispatcher, as its driver sees it."""

    def handle(self, event: Event, /) -> list[Command]:
        """Take an event and say what is to be done."""

    def next_wakeup(self) -> float | None:
        """Say when a tick is wanted."""

    @property
    def totals(self) -> Mapping[str, int]:
        """Messages by where they are."""


class Log(Protocol):
    """Who writes down what happens, as the driver sees it."""

    def record(self, event: Event, commands: list[Command], /) -> None:
        """Write down a handled event and its commands."""

    def observe(self, event: Feedback, category: str | None = None, /) -> None:
        """Write down what the dispatcher is not told."""

    async def on_wire(self, send: Send, /) -> None:
        """Wait until it is safe that a final dot is about to go out."""

    def stopping(self, servers: Iterable[str], /) -> None:
        """Note which servers are about to be taken out because the run ends."""
