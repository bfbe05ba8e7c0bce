"""One live run, from a scenario to a folder with its log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from mstoolkit.config import Policy, Scenario
from mstoolkit.eventlog import Manifest, check_balance, package_version, read_table
from mstoolkit.eventlog.store import TRUTH, write_table
from mstoolkit.live.agreement import agree
from mstoolkit.live.clock import RunClock
from mstoolkit.live.feedback import Receivers
from mstoolkit.live.lateness import Lateness
from mstoolkit.live.plan import Plan, check_same, planned
from mstoolkit.live.sender import Sender
from mstoolkit.live.signals import stop_on_signals
from mstoolkit.live.spool import Spool, Sync, Taken, take_up

_HEAD_START = 0.1  # s between agreeing on the epoch and the epoch


@dataclass(frozen=True, slots=True)
class LiveRun:
    """What came of a live run.

    Parameters
    ----------
    manifest : Manifest
        As stored in the folder; ``lagged`` marks a run that was too late to trust its timing.
    totals : dict of str to int
        Messages by where they ended: delivered, bounced, expired ... queued, in_flight.
    lateness : Lateness
        How late it ran, in scenario seconds.
    folder : Path
        Where its log is.
    interrupted : bool
        Whether it was stopped before it was done; the same command takes it up.
    starts : int
        How often it was begun or taken up.
    ambiguous : int
        Attempts of which nobody knows whether they arrived, as connection or process was lost after
        the final dot. Only such messages may have gone out twice.
    """

    manifest: Manifest
    totals: dict[str, int]
    lateness: Lateness
    folder: Path
    interrupted: bool
    starts: int = 1
    ambiguous: int = 0


async def send(
    scenario: Scenario,
    strategy: str | Policy,
    *,
    out: str | Path,
    seed: int = 0,
    time_scale: float = 1.0,
    limit: int | None = None,
    sinks: Receivers | None = None,
    addresses: Mapping[str, tuple[str, int]] | None = None,
    allow_hosts: Collection[str] = frozenset(),
    patience: float = 30.0,
    progress: Callable[[float], None] | None = None,
    stop: asyncio.Event | None = None,
    sync: Sync = "normal",
) -> LiveRun:
    """Send a scenario's mail over SMTP, or go on with a run that was cut off.

    The folder has a spool: an SQLite file that says at any moment what is left to send, what may be
    on the wire, and how each message ended. A run that was stopped or killed goes on when it is
    called for again with the same folder and the same arguments; time has gone on meanwhile.

    Parameters
    ----------
    scenario : Scenario
        Servers, audience and campaigns.
    strategy : str or Policy
        Name of one of the scenario's strategies, or a policy of your own.
    out : str or Path
        Folder for spool, event log and manifest: new, empty, or of this run when it was cut off.
    seed : int, optional
        Seed of the strategy's own draws.
    time_scale : float, optional
        Scenario seconds in a real second; other than 1 only with sinks that agree on it.
    limit : int, optional
        Send at most so many messages, spread evenly over the audience.
    sinks : Receivers, optional
        Sinks in this process (`mstoolkit.sinks.Sinks`): their addresses are used, and what people
        do with the mail is logged and fed back.
    addresses : mapping of str to (str, int), optional
        Host and port by server, in place of the scenario's.
    allow_hosts : collection of str, optional
        Hosts other than this machine that may be spoken to.
    patience : float, optional
        Real seconds to wait for a connection or a reply.
    progress : callable, optional
        Told now and then which share of the messages is done (0 to 1).
    stop : asyncio.Event, optional
        Ends the run cleanly when set: what is on the wire is finished, the log is closed.
    sync : {"normal", "full"}, optional
        ``"normal"``: nothing is lost whatever ends the process, be it ``kill -9``; a power cut may
        take what was committed in its last moments, so that mail of these moments goes out twice.
        ``"full"`` waits for the disk before each final dot, and loses nothing then either.

    Returns
    -------
    LiveRun

    Raises
    ------
    ConfigError
        If something is asked for that cannot be done (nothing was sent then), this machine has no
        more connections to open, or the spool is full, damaged or in use.
    RuntimeError
        If the books do not balance, which is a defect of the toolkit.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from mstoolkit.config import load_scenario
    >>> from mstoolkit.sinks import Sinks
    >>> scenario = load_scenario("quickstart").model_copy(update={"horizon": 600.0})
    >>> async def through_sinks() -> LiveRun:
    ...     async with Sinks(scenario, time_scale=600, any_port=True) as sinks:
    ...         return await send(
    ...             scenario, "batch", out=mkdtemp(), time_scale=600, limit=20, sinks=sinks
    ...         )
    >>> asyncio.run(through_sinks()).totals["enqueued"]
    20
    """
    plan = planned(
        scenario,
        strategy,
        out,
        seed=seed,
        time_scale=time_scale,
        limit=limit,
        addresses={**(sinks.addresses if sinks else {}), **(addresses or {})},
        allow_hosts=allow_hosts,
    )
    spool = Spool.at(plan.folder, sync=sync)
    try:
        return await _begun(plan, spool, sinks, patience, progress, stop)
    finally:
        spool.close()


def run_send(
    scenario: Scenario,
    strategy: str | Policy,
    *,
    out: str | Path,
    seed: int = 0,
    time_scale: float = 1.0,
    limit: int | None = None,
    addresses: Mapping[str, tuple[str, int]] | None = None,
    allow_hosts: Collection[str] = frozenset(),
    patience: float = 30.0,
    progress: Callable[[float], None] | None = None,
    sync: Sync = "normal",
) -> LiveRun:
    """Send a scenario's mail over SMTP, from code that is not async.

    SIGINT and SIGTERM end the run cleanly. Parameters, return value and errors are those of `send`;
    sinks in the same process need `send` itself, on the loop that the sinks run on.
    """

    async def run() -> LiveRun:
        with stop_on_signals() as stop:
            return await send(
                scenario,
                strategy,
                out=out,
                seed=seed,
                time_scale=time_scale,
                limit=limit,
                addresses=addresses,
                allow_hosts=allow_hosts,
                patience=patience,
                progress=progress,
                stop=stop,
                sync=sync,
            )

    return asyncio.run(run())


async def _begun(
    plan: Plan,
    spool: Spool,
    sinks: Receivers | None,
    patience: float,
    progress: Callable[[float], None] | None,
    stop: asyncio.Event | None,
) -> LiveRun:
    """Begin the run, or take it up; what cannot begin leaves no trace."""
    fresh = not spool.begun
    try:
        if fresh:
            epoch = time.time() + _HEAD_START
            meta = {"identity": plan.identity, "epoch": epoch, "version": package_version()}
            spool.begin(meta, plan.mailing.arrivals(plan.limit))
        check_same(plan, spool)
        notes = await agree(
            plan.where,
            spool.meta["epoch"],
            plan.scale,
            plan.identity["scenario"],
            again=not fresh,
        )
    except BaseException:
        if fresh:
            spool.discard()
        raise
    return await _drive(plan, spool, notes, sinks, patience, progress, stop)


async def _drive(
    plan: Plan,
    spool: Spool,
    notes: list[str],
    sinks: Receivers | None,
    patience: float,
    progress: Callable[[float], None] | None,
    stop: asyncio.Event | None,
) -> LiveRun:
    epoch = spool.meta["epoch"]
    taken = take_up(
        spool,
        plan.folder,
        plan.stored,
        plan.policy,
        run=plan.run,
        strategy=plan.strategy,
        seed=plan.seed,
        epoch=epoch,
    )
    spool.note("starts", starts := spool.meta.get("starts", 0) + 1)
    sender = Sender(
        taken.dispatcher,
        taken.keeper,
        RunClock(epoch, plan.scale),
        plan.letters,
        plan.where,
        taken.waiting,
        horizon=plan.scenario.horizon,
        until=plan.scenario.horizon + plan.scenario.follow,
        patience=patience,
        progress=progress,
        messages=spool.messages,
        at=taken.at,
        flying=taken.flying,
        first=taken.first,
        deliveries={name: each.delivery for name, each in plan.scenario.servers.items()},
    )
    if sinks is not None:
        sinks.subscribe(sender.intake)
    finished = False
    try:
        await asyncio.sleep(max(0.0, epoch - time.time()))
        finished = await sender.run(stop)
    finally:
        manifest = await _closed(plan, spool, taken, sender, finished, notes, sinks)
    _check_books(manifest.totals)
    check_balance(read_table(plan.folder), manifest.totals)
    return LiveRun(
        manifest,
        manifest.totals,
        sender.watch.result(),
        plan.folder,
        not finished,
        starts,
        manifest.notes["ambiguous"],
    )


async def _closed(
    plan: Plan,
    spool: Spool,
    taken: Taken,
    sender: Sender,
    finished: bool,
    notes: list[str],
    sinks: Receivers | None,
) -> Manifest:
    """Close the log in good order, or leave it as a kill would where that is not possible."""
    manifest = _ended(
        plan.manifest(spool.meta["epoch"]), sender, finished, notes, followed=sinks is not None
    )
    try:
        await spool.safe()
        counts = {"starts": spool.meta["starts"], "ambiguous": spool.count("ambiguous")}
        manifest = manifest.model_copy(
            update={
                "totals": dict(taken.dispatcher.totals),
                "notes": {**manifest.notes, **counts},
            }
        )
        if sinks is not None:
            truth = pa.Table.from_pandas(sinks.truth(), preserve_index=False)
            write_table(plan.folder / TRUTH, truth)
        await taken.keeper.close(manifest)
    except BaseException:
        taken.keeper.abandon()
        raise
    return manifest


def _check_books(totals: dict[str, int]) -> None:
    """Every enqueued message is in exactly one place, and nothing is on the wire any more."""
    placed = sum(n for where, n in totals.items() if where != "enqueued")
    if placed != totals["enqueued"] or totals["in_flight"]:
        raise RuntimeError(f"messages were lost or made up, please report this: {totals}")


def _ended(
    manifest: Manifest, sender: Sender, finished: bool, notes: list[str], *, followed: bool
) -> Manifest:
    lateness = sender.watch.result()
    return manifest.model_copy(
        update={
            "ended_at": sender.ended_at,
            "observed_until": sender.until if followed else sender.ended_at,
            "lagged": lateness.lagged,
            "notes": {
                "interrupted": not finished,
                "lateness": lateness._asdict(),
                "warnings": [*([lateness.warning] if lateness.lagged else []), *notes],
            },
        }
    )
