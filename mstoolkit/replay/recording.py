"""A run that can be replayed: its log, and what its dispatcher was made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from mstoolkit.config import ConfigError, Policy, Scenario, content_hash
from mstoolkit.eventlog import Manifest, read_manifest, read_table, stored_scenario
from mstoolkit.eventlog.decode import events
from mstoolkit.model import Command, Event, Send
from mstoolkit.strategy import Dispatcher

Progress = Callable[[float], None]
_NEWS = 500  # events after which progress is told


class Finished(Protocol):
    """A finished run in memory, as `simulate` returns it."""

    @property
    def scenario(self) -> Scenario:
        """What it was of."""
        ...

    @property
    def table(self) -> pa.Table:
        """The event log."""
        ...

    @property
    def manifest(self) -> Manifest:
        """What the run was."""
        ...


class Recording(NamedTuple):
    """What a replay needs.

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
    """

    log: pa.Table
    scenario: Scenario
    policy: Policy
    manifest: Manifest

    def dispatcher(self) -> Dispatcher:
        """Return a fresh dispatcher like the one that the run began with."""
        told = self.manifest
        return Dispatcher(
            self.scenario.servers, self.policy, seed=told.seed, batch=told.batch, epoch=told.epoch
        )

    def inputs(self, last: int | None = None, progress: Progress | None = None) -> Iterator[Event]:
        """Yield what the dispatcher handled, in order.

        Parameters
        ----------
        last : int, optional
            Number of the last event; by default all.
        progress : callable, optional
            Told now and then which share is done, 0 .. 1.
        """
        seq = self.log["seq"]
        use = pc.greater_equal(seq, 0)
        if last is not None:
            use = pc.and_(use, pc.less_equal(seq, last))
        log = self.log.filter(use)
        total = (pc.max(log["seq"]).as_py() or 0) + 1
        for number, event in enumerate(events(log)):
            if progress is not None and number % _NEWS == 0:
                progress(number / total)
            yield event


class Player:
    """A fresh dispatcher that is told what the recorded one was told, and must decide the same.

    Parameters
    ----------
    recording : Recording
        The run.

    Attributes
    ----------
    dispatcher : Dispatcher
        To be looked at meanwhile.
    """

    def __init__(self, recording: Recording) -> None:
        self.dispatcher = recording.dispatcher()
        self._run = recording.manifest.run
        log = recording.log
        sent = log.filter(pc.equal(log["event"], "sent")).select(["token", "server", "first", "n"])
        tokens, *rest = (column.to_pylist() for column in sent.columns)
        self._sent = dict(zip(tokens, zip(*rest, strict=True), strict=True))

    def tell(self, event: Event) -> list[Command]:
        """Let the dispatcher handle an event.

        Raises
        ------
        ConfigError
            If it sends otherwise than the log says, or did so before.
        """
        try:
            commands = self.dispatcher.handle(event)
        except (KeyError, ValueError):  # an answer to what it never sent
            raise parted(self._run) from None
        for command in commands:
            if isinstance(command, Send):
                found = (command.server, command.parcel.first, command.parcel.n)
                if self._sent.get(command.token, found) != found:
                    raise parted(self._run)
        return commands


def parted(run: str) -> ConfigError:
    """Return the error for a log that this version does not decide as it was decided."""
    return ConfigError(
        "the log was decided otherwise than this version decides, so it cannot be explained",
        file=run,
        remedy="see where they part with mstoolkit replay, and make the run again",
    )


def recording_of(run: str | Path | Finished) -> Recording:
    """Return what a replay needs of a run.

    Parameters
    ----------
    run : str, Path or Finished
        The folder of a simulated or live run, or what `simulate` returned.

    Raises
    ------
    ConfigError
        If the folder holds no run, an imported log, or a run of a strategy it does not describe.
    """
    if isinstance(run, str | Path):
        place = Path(run)
        manifest, scenario = read_manifest(place), stored_scenario(place)
        policy = _policy(scenario, manifest, str(place / "manifest.json"))
        return Recording(read_table(place), scenario, policy, manifest)
    manifest = run.manifest
    policy = _policy(run.scenario, manifest, "")
    return Recording(run.table, run.scenario, policy, manifest)


def _policy(scenario: Scenario, manifest: Manifest, file: str) -> Policy:
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
