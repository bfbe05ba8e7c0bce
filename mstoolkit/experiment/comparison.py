"""The result of a comparison: frames, the winner, and how to make the same again."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mstoolkit.analysis import METRICS, Winner
from mstoolkit.config import Scenario, content_hash
from mstoolkit.experiment.folder import staged
from mstoolkit.experiment.replication import replication_seed


@dataclass(frozen=True, repr=False)
class Comparison:
    """Strategies compared over replications with common random numbers.

    Parameters
    ----------
    scenario : Scenario
        What was simulated; policies that the caller brought along are among its strategies.
    strategies : tuple of str
        Names of the strategies that were compared.
    summary : DataFrame
        ``strategy``, ``metric``, ``mean``, ``ci_low``, ``ci_high``, ``replications``; see
        `analysis.summarise`.
    comparison : DataFrame
        Paired differences to the best; see `analysis.paired_differences`.
    runs : DataFrame
        One row a run: ``strategy``, ``replication`` and a column for each metric.
    series : mapping of str to DataFrame
        Frames of all runs with ``strategy`` and ``replication`` in front: ``delivered``,
        ``server_share``, ``deferrals``, ``reputation`` (over time, in bins), ``outcomes`` (by ISP),
        ``by_isp``, ``by_server``.
    winner : Winner
        The strategy to take, and one sentence that says how sure that is.
    metric : str
        The metric by which the best was chosen.
    seed, replications : int
        Seed and number of replications of each strategy.
    batch : int
        Largest parcel of the simulation (messages).
    confidence : float
        Confidence of the intervals, 0 .. 1.
    version : str
        Version of the toolkit that simulated.
    source : str
        The scenario as it was named by the caller.

    Examples
    --------
    >>> from mstoolkit.experiment import compare
    >>> result = compare("quickstart", ["batch"], replications=1, progress=False)
    >>> result.winner.strategy
    'batch'
    """

    scenario: Scenario
    strategies: tuple[str, ...]
    summary: pd.DataFrame
    comparison: pd.DataFrame
    runs: pd.DataFrame
    series: Mapping[str, pd.DataFrame]
    winner: Winner
    metric: str
    seed: int
    replications: int
    batch: int
    confidence: float
    version: str
    source: str

    def __repr__(self) -> str:
        runs = f"{len(self.strategies)} strategies x {self.replications} replications"
        return f"<Comparison of {self.scenario.name}, {runs}: {self.winner.sentence}>"

    def table(self, *metrics: str) -> pd.DataFrame:
        """Return the means with a row a strategy and a column a metric, best strategy first.

        Parameters
        ----------
        *metrics : str
            Names from `analysis.METRICS`; by default all of them. Values keep their units.

        Examples
        --------
        >>> from mstoolkit.experiment import compare
        >>> result = compare("quickstart", ["batch"], replications=1, progress=False)
        >>> result.table("delivery_rate", "cost").columns.tolist()
        ['delivery_rate', 'cost']
        """
        means = self.runs.groupby("strategy")[list(METRICS)].mean()
        up = METRICS[self.metric].direction == "lower"
        ranked = means.sort_index().sort_values(self.metric, ascending=up, kind="stable")
        return ranked[list(metrics or METRICS)]

    @property
    def manifest(self) -> dict[str, Any]:
        """What was run, JSON-able: enough to run the same again."""
        policies = self.scenario.strategies
        return {
            "kind": "comparison",
            "scenario": self.scenario.name,
            "scenario_hash": content_hash(self.scenario),
            "strategies": {name: content_hash(policies[name]) for name in self.strategies},
            "seed": self.seed,
            "replications": self.replications,
            "replication_seeds": [
                replication_seed(self.seed, number) for number in range(self.replications)
            ],
            "batch": self.batch,
            "metric": self.metric,
            "confidence": self.confidence,
            "winner": self.winner._asdict(),
            "version": self.version,
            "python": platform.python_version(),
        }

    @property
    def manifest_text(self) -> str:
        """The manifest as it is written to ``manifest.json``."""
        return _json(self.manifest)

    @property
    def command(self) -> list[str]:
        """The command line, word by word, that makes the same comparison."""
        chosen = [word for name in self.strategies for word in ("-s", name)]
        return [
            *("mstoolkit", "compare", self.source, *chosen),
            *("--replications", str(self.replications)),
            *("--seed", str(self.seed), "--batch", str(self.batch)),
            *(() if self.metric == "delivery_rate" else ("--metric", self.metric)),
        ]

    def write(self, folder: str | Path) -> None:
        """Write ``summary.csv``, ``comparison.csv``, ``runs.csv``, manifest and scenario.

        Parameters
        ----------
        folder : str or Path
            A folder that is empty or not there; it is there whole afterwards, or not at all.

        Raises
        ------
        ConfigError
            If the folder is there and not empty.
        """
        with staged(folder) as place:
            self.write_into(place)

    def write_into(self, place: Path) -> None:
        """Write the same files into a folder that is there, as one of `experiment.staged`.

        Parameters
        ----------
        place : Path
            An existing folder.
        """
        for name in ("summary", "comparison", "runs"):
            getattr(self, name).to_csv(place / f"{name}.csv", index=False, lineterminator="\n")
        (place / "manifest.json").write_text(self.manifest_text, encoding="utf-8")
        scenario = self.scenario.model_dump(mode="json")
        (place / "scenario.json").write_text(_json(scenario), encoding="utf-8")


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
