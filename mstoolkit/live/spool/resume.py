"""Taking a run up: the dispatcher as it was, and what it must hear before it goes on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mstoolkit.config import ConfigError, Policy, Scenario
from mstoolkit.eventlog import Begun, LogWriter
from mstoolkit.live.spool.codec import Observed, send_of
from mstoolkit.live.spool.keeper import Keeper
from mstoolkit.live.spool.spool import Spool
from mstoolkit.live.spool.trouble import damaged, told
from mstoolkit.model import Closed, Enqueued, Event, Lost, PoolChanged, Replied, Send
from mstoolkit.strategy import Dispatcher


@dataclass(frozen=True, slots=True)
class Taken:
    """A run as it goes on.

    Parameters
    ----------
    dispatcher : Dispatcher
        In the state that it had last.
    keeper : Keeper
        Writes down what happens from now on.
    at : float
        Scenario time (s) of the last event.
    flying : dict of int to Send
        Open attempts by token; nobody carries them out any more.
    first : tuple of Event
        What the dispatcher must hear before anything else.
    waiting : list of Enqueued
        Mail that it was not given yet.
    """

    dispatcher: Dispatcher
    keeper: Keeper
    at: float
    flying: Mapping[int, Send]
    first: tuple[Event, ...]
    waiting: list[Enqueued]


def take_up(
    spool: Spool,
    folder: Path,
    scenario: Scenario,
    policy: Policy,
    *,
    run: str,
    strategy: str,
    seed: int,
    epoch: float,
) -> Taken:
    """Bring a fresh dispatcher to where the run was, and the log with it; carry nothing out.

    A run that has just begun is one of which nothing has happened yet.

    Parameters
    ----------
    spool : Spool
        With a run in it.
    folder : Path
        The run's folder.
    scenario, policy, run, strategy, seed, epoch
        What the run is.

    Raises
    ------
    ConfigError
        If the spool is damaged, or this version of the toolkit decides otherwise than the one that
        wrote it.
    """
    dispatcher = Dispatcher(scenario.servers, policy, seed=seed, epoch=epoch)
    with _of_this_version(spool.file), ExitStack() as stack:
        stored = _stored(spool, dispatcher)
        writer = LogWriter(
            folder, scenario, run=run, strategy=strategy, part_rows=None, begun=stored["begun"]
        )
        stack.callback(writer.abandon)
        keeper = Keeper(
            spool,
            writer,
            dispatcher,
            connections=stored["connections"],
            drained=stored["drained"],
        )
        at = _replay(spool, dispatcher, keeper, stored["at"])
        waiting = spool.waiting()
        flying = keeper.flying
        if not spool.wired <= flying.keys():
            raise damaged(spool.file, "messages are on the wire that nobody sent")
        writer.settle()
        stack.pop_all()
    return Taken(dispatcher, keeper, at, flying, _first(spool, keeper), waiting)


@contextmanager
def _of_this_version(file: Path) -> Iterator[None]:
    try:
        yield
    except ConfigError:
        raise
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise ConfigError(
            f"is damaged, or another version decided otherwise: {type(error).__name__}: {error}",
            file=str(file),
            remedy="take the run up with the version that began it",
        ) from None
    except sqlite3.Error as error:
        raise told(error, file) from None


def _stored(spool: Spool, dispatcher: Dispatcher) -> dict[str, Any]:
    """Return what the latest snapshot says, and bring the dispatcher into its state."""
    latest = spool.latest()
    if latest is None:
        return {"begun": Begun(), "connections": (), "drained": (), "at": 0.0}
    state = latest["dispatcher"]
    dispatcher.restore(state)
    attempts = tuple((seq, at, send_of(send, spool.lots)) for seq, at, send in latest["attempts"])
    begun = Begun(latest["parts"], latest["seq"], attempts)
    return {**latest, "begun": begun, "at": max(0.0, state["now"])}


def _replay(spool: Spool, dispatcher: Dispatcher, keeper: Keeper, at: float) -> float:
    """Tell the dispatcher what it was told since the snapshot; return the time of the last."""
    for event in spool.events():
        if isinstance(event, Observed):
            keeper.observed(*event)
        else:
            at = event.at
            keeper.replayed(event, dispatcher.handle(event))
    return at


def _first(spool: Spool, keeper: Keeper) -> tuple[Event, ...]:
    """Return what became of all that was open when the process ended.

    Connections are gone. What had not reached the final dot was not tried: it costs no attempt and
    blames nobody. Of the rest nobody knows.
    """
    wired = spool.wired
    return (
        *(Closed(0.0, connection) for connection in keeper.connections),
        *(
            Lost(0.0, token) if token in wired else untried(send)
            for token, send in sorted(keeper.flying.items())
        ),
        *(PoolChanged(0.0, server, "restored") for server in keeper.stopped),
    )


def untried(send: Send) -> Replied:
    """Return the answer to an attempt that never began and that no server is to blame for."""
    return Replied(0.0, send.token, (), send.parcel.n, 0.0, closed=True)
