"""Parity: a stored log fed to a fresh dispatcher must give the same commands, one for one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from mstoolkit.config import ConfigError, Policy, Scenario, content_hash
from mstoolkit.eventlog import (
    Manifest,
    Recorder,
    frame_of,
    read_manifest,
    read_table,
    stored_scenario,
)
from mstoolkit.eventlog.decode import events
from mstoolkit.replay.rows import Difference, first_difference, handled
from mstoolkit.strategy import Dispatcher


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of a replay.

    Parameters
    ----------
    run : str
        Name of the recorded run.
    kind : str
        ``"simulated"`` or ``"live"``.
    events : int
        Inputs that the dispatcher took; it is not fed on when it parted so far that an answer
        belongs to nothing it sent.
    rows : int
        Rows that it caused this time.
    recorded : int
        Rows that it had caused when the log was written.
    difference : Difference or None
        Where the two part for the first time.
    """

    run: str
    kind: str
    events: int
    rows: int
    recorded: int
    difference: Difference | None

    @property
    def identical(self) -> bool:
        """Whether every row was regenerated, in all columns."""
        return self.difference is None

    def __str__(self) -> str:
        if self.difference is None:
            return f"{self.run}: identical, {self.events} events gave the {self.rows} recorded rows"
        at = self.difference
        return (
            f"{self.run}: parts at row {at.row} (seq {at.seq}, {at.event or 'no row'}), "
            f"column {at.column}: recorded {at.recorded!r}, regenerated {at.regenerated!r}"
        )


def replay(folder: str | Path) -> Replay:
    """Feed a stored log's inputs to a fresh dispatcher and compare what it does, row by row.

    Parameters
    ----------
    folder : str or Path
        Folder of a simulated or live run.

    Returns
    -------
    Replay

    Raises
    ------
    ConfigError
        If the folder holds no run, an imported log, or a run of a strategy it does not describe.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from mstoolkit.config import load_scenario
    >>> from mstoolkit.sim import simulate
    >>> folder = simulate(load_scenario("quickstart"), "batch", batch=500).write(mkdtemp())
    >>> replay(folder).identical
    True
    """
    place = Path(folder)
    manifest = read_manifest(place)
    scenario = stored_scenario(place)
    policy = _policy(scenario, manifest, place)
    return compare_log(read_table(place), scenario, policy, manifest)


def compare_log(log: pa.Table, scenario: Scenario, policy: Policy, manifest: Manifest) -> Replay:
    """Replay a log that is in memory.

    Parameters
    ----------
    log : pyarrow.Table
        The event log, columns as in `eventlog.schema`.
    scenario : Scenario
        What the run was of.
    policy : Policy
        The strategy that it ran.
    manifest : Manifest
        Its run, kind, strategy and seed.

    Returns
    -------
    Replay
    """
    recorded = handled(frame_of(log))
    dispatcher = Dispatcher(
        scenario.servers,
        policy,
        seed=manifest.seed,
        batch=manifest.batch,
        epoch=manifest.epoch,
    )
    recorder = Recorder(scenario, run=manifest.run, strategy=manifest.strategy)
    count = 0
    for event in events(log):
        try:
            recorder.record(event, dispatcher.handle(event))
        except (KeyError, ValueError):  # an answer to what this dispatcher never sent: they parted
            break
        count += 1
    again = handled(recorder.frame())
    return Replay(
        manifest.run,
        manifest.kind,
        count,
        len(again),
        len(recorded),
        first_difference(recorded, again),
    )


def _policy(scenario: Scenario, manifest: Manifest, folder: Path) -> Policy:
    file = str(folder / "manifest.json")
    if manifest.kind == "imported":
        raise ConfigError(
            "is the log of another system, which has no dispatcher to compare with",
            file=file,
            key="kind",
            remedy="replay a simulated or live run",
        )
    policy = scenario.strategies.get(manifest.strategy)
    if policy is None or content_hash(policy) != manifest.policy_hash:
        raise ConfigError(
            f"the stored scenario does not hold the policy of {manifest.strategy!r}",
            file=file,
            key="strategy",
            remedy="replay a run whose strategy is named in its scenario",
        )
    return policy
