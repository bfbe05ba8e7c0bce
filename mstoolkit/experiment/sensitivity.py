"""How far conclusions rest on assumed figures: each is varied alone, and the strategies rerun."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from mstoolkit.config import ConfigError, Scenario, load_scenario
from mstoolkit.experiment.compare import compare
from mstoolkit.experiment.comparison import Comparison
from mstoolkit.experiment.conclusions import (
    Ends,
    Sensitivity,
    conclusions,
    pair_table,
    parameter_table,
    refusal_table,
)
from mstoolkit.experiment.folder import staged
from mstoolkit.experiment.variation import (
    Parameter,
    Refusal,
    Variation,
    assumed_parameters,
    varied,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # in a notebook without widgets tqdm says so, and goes on
    from tqdm.auto import tqdm


def sensitivity(
    scenario: str | Path | Scenario,
    strategies: Sequence[str] | None = None,
    *,
    metric: str = "delivery_rate",
    replications: int = 10,
    seed: int = 0,
    factor: float = 2.0,
    only: Sequence[str] = (),
    audience: bool = False,
    batch: int = 100,
    jobs: int | None = None,
    out: str | Path | None = None,
    progress: bool = True,
    source: str | None = None,
    finish: Callable[[Sensitivity, Path], None] | None = None,
) -> Sensitivity:
    """Vary each assumed figure alone, down and up, and say which conclusions rest on it.

    A figure is varied in all providers that assume it at once. All scenarios have the same seeds,
    so that what changes comes from the figure.

    Parameters
    ----------
    scenario : str, Path or Scenario
        A scenario, the path of its file, or the name of a shipped one.
    strategies : sequence of str, optional
        Names from the scenario, two at least; by default all of them.
    metric : str, optional
        The metric of `analysis.METRICS` by which strategies are ranked.
    replications : int, optional
        Runs of each strategy in each scenario; one gives no intervals.
    seed : int, optional
        Seed of every comparison.
    factor : float, optional
        A figure is divided by it and multiplied with it; above 1.
    only : sequence of str, optional
        Keys to vary, or tables that hold them; by default all.
    audience : bool, optional
        Whether to vary figures of the audience's segments too.
    batch, jobs, progress, source
        As in `compare`.
    out : str or Path, optional
        A folder, empty or not there, for CSV files and manifest; whole at the end, or not at all.
    finish : callable, optional
        Called with the result and the folder before the folder goes to its place.

    Returns
    -------
    Sensitivity

    Raises
    ------
    ConfigError
        If an argument cannot be used, or nothing is left to vary. Nothing has been varied then.

    Examples
    --------
    >>> from mstoolkit.testing import small_scenario
    >>> found = sensitivity(small_scenario(100), ["batch", "priority"], only=["busy"],
    ...                     replications=2, jobs=1, progress=False)
    >>> found.table["parameter"].tolist()
    ['busy']
    """
    whole = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    if source is None:
        source = whole.name if isinstance(scenario, Scenario) else str(scenario)
    names = list(dict.fromkeys(whole.strategies if strategies is None else strategies))
    _check(names, factor)
    parameters, refused = assumed_parameters(whole, only=only, audience=audience)
    plan, not_varied = _planned(whole, parameters, factor)
    refused += not_varied
    if not plan:
        raise _nothing(refused)

    def run(one: Scenario) -> Comparison:
        return compare(
            one,
            names,
            metric=metric,
            replications=replications,
            seed=seed,
            batch=batch,
            jobs=jobs,
            progress=False,
        )

    base, ends = _run(whole, plan, run, progress)
    pairs = pair_table(base, ends)
    result = Sensitivity(
        base=base,
        table=parameter_table(base, ends, pairs),
        pairs=pairs,
        conclusions=conclusions(pairs),
        not_varied=refusal_table(refused),
        factor=factor,
        only=tuple(only),
        audience=audience,
        source=source,
    )
    if out is not None:
        with staged(out) as place:
            result.write_into(place)
            if finish is not None:
                finish(result, place)
    return result


def _check(names: Sequence[str], factor: float) -> None:
    if not 1 < factor < float("inf"):
        raise ConfigError(
            f"must be above 1, got {factor:g}", key="factor", remedy="give 2 to halve and double"
        )
    if len(names) < 2:
        raise ConfigError(
            "one strategy alone has no ranking", key="strategies", remedy="name two at least"
        )


def _nothing(refused: Sequence[Refusal]) -> ConfigError:
    why = "; ".join(dict.fromkeys(f"{each.parameter} {each.reason}" for each in refused))
    return ConfigError(
        f"leaves nothing to vary: {why or 'the providers assume no number'}",
        key="only",
        remedy="name other figures, or vary the audience's too",
    )


_Plan = list[tuple[Parameter, dict[str, Variation]]]


def _planned(
    scenario: Scenario, parameters: Sequence[Parameter], factor: float
) -> tuple[_Plan, list[Refusal]]:
    plan: _Plan = []
    refused = []
    for parameter in parameters:
        found = {}
        for end, times in (("low", 1 / factor), ("high", factor)):
            try:
                found[end] = varied(scenario, parameter, times)
            except ValueError as error:
                refused.append(Refusal(parameter.key, end, str(error)))
        if found:
            plan.append((parameter, found))
    return plan, refused


def _run(
    scenario: Scenario, plan: _Plan, run: Callable[[Scenario], Comparison], progress: bool
) -> tuple[Comparison, list[Ends]]:
    total = 1 + sum(len(found) for _, found in plan)
    ends = []
    bar = tqdm(total=total, unit="scenario", leave=False, disable=None if progress else True)
    with bar:
        base = run(scenario)
        bar.update()
        for parameter, found in plan:
            runs = {}
            for end, variation in found.items():
                runs[end] = run(variation.scenario).runs
                bar.update()
            values = {end: variation.by_owner for end, variation in found.items()}
            ends.append(Ends(parameter, values, runs))
    return base, ends
