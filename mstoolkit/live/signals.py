"""Ctrl-C and SIGTERM as a wish to stop cleanly."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator

_SAME_WISH = 1.0


@contextlib.contextmanager
def stop_on_signals() -> Iterator[asyncio.Event]:
    """Give an event that SIGINT and SIGTERM set, for a running event loop.

    Signals that follow at once are the same wish (shells and `timeout` signal a process and its
    group); one that comes a second or more later does what it does without us. Where signals cannot
    be caught (another thread, another platform) the event is never set.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    caught: list[signal.Signals] = []

    def asked() -> None:
        if not stop.is_set():
            stop.set()
            loop.call_later(_SAME_WISH, release)

    def release() -> None:
        while caught:
            loop.remove_signal_handler(caught.pop())

    with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, asked)
            caught.append(number)
    try:
        yield stop
    finally:
        release()
