"""Strategies × replications on all processors, and the verdict."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path

import joblib
import pandas as pd
from joblib.externals.loky import get_reusable_executor

from mstoolkit.analysis import METRICS, paired_differences, summarise, winner
from mstoolkit.config import ConfigError, Policy, Scenario, load_scenario
from mstoolkit.experiment.comparison import Comparison
from mstoolkit.experiment.folder import staged
from mstoolkit.experiment.replication import Replication, Task, replicate
from mstoolkit.strategy import own_parts

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # in a notebook without widgets tqdm says so, and goes on
    from tqdm.auto import tqdm

CONFIDENCE = 0.95


def compare(
    scenario: str | Path | Scenario,
    strategies: Sequence[str] | Mapping[str, Policy] | None = None,
    *,
    replications: int = 20,
    seed: int = 0,
    batch: int = 100,
    jobs: int | None = None,
    out: str | Path | None = None,
    metric: str = "delivery_rate",
    progress: bool = True,
    width: float = 600.0,
    source: str | None = None,
    finish: Callable[[Comparison, Path], None] | None = None,
) -> Comparison:
    """Simulate strategies over replications and compare them in pairs.

    Replication r of every strategy has the same seed, so that all meet the same audience and
    outages. The result does not depend on `jobs`.

    Parameters
    ----------
    scenario : str, Path or Scenario
        A scenario, the path of its file, or the name of a shipped one.
    strategies : sequence of str or mapping of str to Policy, optional
        Names from the scenario, or policies by name; by default all of the scenario.
    replications : int, optional
        Runs of each strategy; one gives no intervals.
    seed : int, optional
        Seed of the whole comparison.
    batch : int, optional
        Largest parcel (messages); 1 is exact.
    jobs : int, optional
        Processes; 1 stays in this one. By default one a processor.
    out : str or Path, optional
        A folder, empty or not there, for event logs, CSV files and manifest. It is there whole at
        the end, or not at all.
    metric : str, optional
        The metric of `analysis.METRICS` that counts first.
    progress : bool, optional
        Whether to show a progress bar, where there is a terminal.
    width : float, optional
        Width of the bins of what is kept over time (s).
    source : str, optional
        How the scenario is named where the result says how to make it again; by default the path
        or name that was given, or the scenario's own name.
    finish : callable, optional
        Called with the result and the folder before the folder goes to its place, as
        `report.write_pages`.

    Returns
    -------
    Comparison

    Raises
    ------
    ConfigError
        If an argument cannot be used: an unknown strategy or metric, a number below 1, a folder
        that is not empty. Nothing has run then.

    Examples
    --------
    >>> result = compare("quickstart", ["round-robin", "batch"], replications=1, progress=False)
    >>> result.summary.columns.tolist()
    ['strategy', 'metric', 'mean', 'ci_low', 'ci_high', 'replications']
    """
    _check(metric, replications=replications, batch=batch, jobs=jobs)
    if source is None:
        source = scenario.name if isinstance(scenario, Scenario) else str(scenario)
    whole, names = _chosen(scenario, strategies)
    with _place(out) as place:
        logs = None if place is None else place / "logs"
        tasks = [
            Task(whole, name, number, seed, batch, width, logs, own_parts())
            for number in range(replications)
            for name in names
        ]
        done = _run(tasks, jobs or joblib.cpu_count(), progress)
        result = _compared(whole, names, done, tasks[0], metric, source)
        if place is not None:
            result.write_into(place)
            if finish is not None:
                finish(result, place)
    return result


def _place(out: str | Path | None) -> AbstractContextManager[Path | None]:
    return nullcontext() if out is None else staged(out)


def _check(metric: str, **numbers: int | None) -> None:
    for name, value in numbers.items():
        if value is not None and value < 1:
            raise ConfigError(
                f"must be at least 1, got {value}", key=name, remedy="give a larger number"
            )
    known = [name for name, what in METRICS.items() if what.direction != "none"]
    if metric not in known:
        raise ConfigError(
            f"cannot compare by {metric!r}", key="metric", remedy=f"use one of {', '.join(known)}"
        )


def _chosen(
    scenario: str | Path | Scenario, strategies: Sequence[str] | Mapping[str, Policy] | None
) -> tuple[Scenario, tuple[str, ...]]:
    """Return the scenario, with policies that were brought along, and the names to compare."""
    whole = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    if isinstance(strategies, Mapping):
        policies = {**whole.strategies, **strategies}
        whole = whole.model_copy(update={"strategies": policies})
    names = _names(whole, strategies)
    if not names:
        raise ConfigError("names no strategy", key="strategies", remedy="name at least one")
    for name in names:
        if name not in whole.strategies:
            raise ConfigError(
                f"there is no strategy {name!r} in {whole.name}",
                key="strategies",
                remedy=f"use one of {', '.join(whole.strategies)}",
            )
    return whole, names


def _names(
    scenario: Scenario, strategies: Sequence[str] | Mapping[str, Policy] | None
) -> tuple[str, ...]:
    if strategies is None:
        return tuple(scenario.strategies)
    if isinstance(strategies, str):
        return (strategies,)
    return tuple(dict.fromkeys(strategies))


def _run(tasks: Sequence[Task], jobs: int, progress: bool) -> list[Replication]:
    """Run the tasks; results come in the order in which they are done."""
    bar = tqdm(total=len(tasks), unit="run", leave=False, disable=None if progress else True)
    done = []
    with bar, closing(_replications(tasks, min(jobs, len(tasks)))) as results:
        for one in results:
            done.append(one)
            bar.update()
    return done


def _replications(tasks: Sequence[Task], jobs: int) -> Generator[Replication]:
    if jobs == 1:
        yield from map(replicate, tasks)
        return
    pool = joblib.Parallel(n_jobs=jobs, backend="loky", return_as="generator_unordered")
    try:
        yield from pool(joblib.delayed(replicate)(task) for task in tasks)
    except BaseException:
        get_reusable_executor().shutdown(wait=True, kill_workers=True)
        raise


def _compared(
    scenario: Scenario,
    names: tuple[str, ...],
    done: Sequence[Replication],
    task: Task,
    metric: str,
    source: str,
) -> Comparison:
    done = sorted(done, key=lambda one: (names.index(one.strategy), one.number))
    runs = pd.DataFrame(
        {"strategy": one.strategy, "replication": one.number, **one.metrics} for one in done
    )
    return Comparison(
        scenario=scenario,
        strategies=names,
        summary=summarise(runs, confidence=CONFIDENCE),
        comparison=paired_differences(runs, metric=metric, confidence=CONFIDENCE),
        runs=runs,
        series={name: _stacked(done, name) for name in done[0].frames},
        winner=winner(runs, metric=metric, confidence=CONFIDENCE),
        metric=metric,
        seed=task.seed,
        replications=len(done) // len(names),
        batch=task.batch,
        confidence=CONFIDENCE,
        version=done[0].version,
        source=source,
    )


def _stacked(done: Sequence[Replication], name: str) -> pd.DataFrame:
    parts = []
    for one in done:
        frame = one.frames[name].copy()
        frame.insert(0, "strategy", one.strategy)
        frame.insert(1, "replication", one.number)
        parts.append(frame)
    return pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
