"""Parity: a stored log fed to a fresh dispatcher must give the same commands, one for one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from mstoolkit.config import Policy, Scenario
from mstoolkit.eventlog import Manifest, Recorder, frame_of
from mstoolkit.eventlog.decode import events
from mstoolkit.replay.recording import Recording, recording_of
from mstoolkit.replay.rows import Difference, first_difference, handled


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
    return compare_log(*recording_of(folder))


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
    dispatcher = Recording(log, scenario, policy, manifest).dispatcher()
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
