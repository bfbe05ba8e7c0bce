"""What varied figures do to the ranking: frames, the pairs that flip, and what rests on what."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from mstoolkit.analysis import METRICS
from mstoolkit.analysis.paired import Difference, difference
from mstoolkit.experiment.comparison import Comparison
from mstoolkit.experiment.variation import Parameter, Refusal, Values

CONFIDENCE = 0.90
POINTS = ("low", "base", "high")


class Ends(NamedTuple):
    """A parameter with the values and the runs of its ends, ``low`` and ``high``, where varied."""

    parameter: Parameter
    by_owner: Mapping[str, Values]
    runs: Mapping[str, pd.DataFrame]


@dataclass(frozen=True, repr=False)
class Sensitivity:
    """How the ranking of strategies answers to each assumed figure, varied alone.

    Parameters
    ----------
    base : Comparison
        The strategies in the scenario as it is.
    table : DataFrame
        One row a parameter, largest swing first. ``lead_low``, ``lead_base`` and ``lead_high`` say
        by how much the strategy that is best at the base leads the best of the others (in the
        metric's unit, above 0 is ahead whichever way is better), ``swing`` how far that moves.
        ``flip`` is the pair whose order changes (empty: none), ``flip_clear`` whether that is
        more than noise. ``low:NAME``, ``base:NAME``, ``high:NAME`` are means.
    pairs : DataFrame
        One row a parameter and pair: ``ahead`` leads ``behind`` at the base by ``base``; the same
        at ``low`` and ``high``, each with a paired interval (``_from``, ``_to``).
    conclusions : DataFrame
        One row a pair that is clear at the base: ``holds``, or ``reversed_by`` and ``lost_by``.
    not_varied : DataFrame
        ``parameter``, ``end``, ``reason``.
    factor : float
        Figures were divided by it and multiplied with it.
    only : tuple of str
        Figures that were asked for; empty: all.
    audience : bool
        Whether figures of the audience were among them.
    source : str
        The scenario as it was named by the caller.
    """

    base: Comparison
    table: pd.DataFrame
    pairs: pd.DataFrame
    conclusions: pd.DataFrame
    not_varied: pd.DataFrame
    factor: float
    only: tuple[str, ...]
    audience: bool
    source: str

    def __repr__(self) -> str:
        return f"<Sensitivity of {self.base.scenario.name}: {self.sentence}>"

    @property
    def best(self) -> str:
        """The strategy with the best mean in the scenario as it is."""
        return str(self.base.table(self.base.metric).index[0])

    @property
    def sentence(self) -> str:
        """What holds under all variations, and how much rests on assumptions."""
        count = len(self.table)
        figures = f"{count} varied figure" + ("" if count == 1 else "s")
        clear, holding = len(self.conclusions), int(self.conclusions["holds"].sum())
        if not clear:
            return (
                f"No strategy is clearly ahead of another in the scenario as it is, so there is "
                f"no conclusion for the {figures} to shake."
            )
        if holding == clear:
            whole = "The one conclusion holds" if clear == 1 else f"All {clear} conclusions hold"
            return f"{whole} at both ends of each of the {figures}."
        return (
            f"{holding} of {clear} conclusions hold{'s' if holding == 1 else ''} under all "
            f"variations of the {figures}; {clear - holding} "
            f"rest{'s' if clear - holding == 1 else ''} on assumptions."
        )

    @property
    def manifest(self) -> dict[str, Any]:
        """What was run, JSON-able: enough to run the same again."""
        kept = {k: v for k, v in self.base.manifest.items() if k not in ("winner", "confidence")}
        return {
            **kept,
            "kind": "sensitivity",
            "confidence": CONFIDENCE,
            "factor": self.factor,
            "only": list(self.only),
            "audience": self.audience,
            "varied": self.table["parameter"].tolist(),
        }

    @property
    def command(self) -> list[str]:
        """The command line, word by word, that does the same."""
        base = self.base
        return [
            *("mstoolkit", "sensitivity", self.source),
            *(word for name in base.strategies for word in ("-s", name)),
            *(word for name in self.only for word in ("--only", name)),
            *(("--audience",) if self.audience else ()),
            *("--replications", str(base.replications), "--seed", str(base.seed)),
            *("--batch", str(base.batch), "--factor", f"{self.factor:g}"),
            *(() if base.metric == "delivery_rate" else ("--metric", base.metric)),
        ]

    def write_into(self, place: Path) -> None:
        """Write the four frames as CSV and ``manifest.json`` into a folder that is there."""
        frames = {
            "sensitivity": self.table,
            "pairs": self.pairs,
            "conclusions": self.conclusions,
            "not-varied": self.not_varied,
        }
        for name, frame in frames.items():
            frame.to_csv(place / f"{name}.csv", index=False, lineterminator="\n")
        text = json.dumps(self.manifest, indent=2, ensure_ascii=False) + "\n"
        (place / "manifest.json").write_text(text, encoding="utf-8")


def pair_table(base: Comparison, ends: Sequence[Ends]) -> pd.DataFrame:
    """Return the paired differences of all pairs at all ends, oriented so that above 0 is ahead."""
    sign = -1.0 if METRICS[base.metric].direction == "lower" else 1.0
    ranked = ranking(base.runs, base.metric)
    rows = []
    pairs = max(1, len(ranked) * (len(ranked) - 1) // 2)
    for one in ends:
        runs = {"base": base.runs, **one.runs}
        values = {point: _values(frame, base.metric) * sign for point, frame in runs.items()}
        for ahead, behind in combinations(ranked, 2):
            row: dict[str, Any] = {
                "parameter": one.parameter.key,
                "ahead": ahead,
                "behind": behind,
            }
            for point in POINTS:
                row |= _point(values.get(point), ahead, behind, point)
            row["base_sure"] = _lead(values["base"], ahead, behind, pairs).low
            for end in ("low", "high"):
                row[f"{end}_moved"] = _moved(values.get(end), values["base"], ahead, behind)
            rows.append(row)
    frame = pd.DataFrame(rows)
    means = frame[list(POINTS)]
    below = frame[[f"{point}_to" for point in POINTS]].lt(0).any(axis=1)
    above = frame[[f"{point}_from" for point in POINTS]].gt(0).any(axis=1)
    frame["change"] = means.max(axis=1) - means.min(axis=1)
    frame["flips"] = means.gt(0).any(axis=1) & means.lt(0).any(axis=1)
    frame["flip_clear"] = below & above
    return frame


def parameter_table(base: Comparison, ends: Sequence[Ends], pairs: pd.DataFrame) -> pd.DataFrame:
    """Return one row a parameter, as `Sensitivity.table` says."""
    best = ranking(base.runs, base.metric)[0]
    rows = [_row(base, one, best, pairs[pairs["parameter"] == one.parameter.key]) for one in ends]
    return pd.DataFrame(rows).sort_values(
        ["swing", "parameter"], ascending=[False, True], ignore_index=True
    )


def conclusions(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return what is clear at the base, and the parameters that reverse it or leave it open.

    Clear at the base means for all pairs together (each at 1 - 0.1 / pairs). A parameter leaves a
    conclusion open where the interval at an end holds zero and the lead has changed by more than
    noise; one whose interval lies on the other side reverses it.
    """
    rows = []
    for (ahead, behind), some in pairs.groupby(["ahead", "behind"], sort=False):
        first = some.iloc[0]
        if not first["base_sure"] > 0:
            continue
        turned = (some["low_to"] < 0) | (some["high_to"] < 0)
        low = (some["low_from"] <= 0) & some["low_moved"]
        weak = turned | low | ((some["high_from"] <= 0) & some["high_moved"])
        rows.append(
            {
                "ahead": ahead,
                "behind": behind,
                "difference": first["base"],
                "from": first["base_from"],
                "to": first["base_to"],
                "holds": not weak.any(),
                "reversed_by": ", ".join(some["parameter"][turned]),
                "lost_by": ", ".join(some["parameter"][weak & ~turned]),
            }
        )
    columns = ["ahead", "behind", "difference", "from", "to", "holds", "reversed_by", "lost_by"]
    return pd.DataFrame(rows, columns=columns).astype({"holds": bool})


def refusal_table(refused: Sequence[Refusal]) -> pd.DataFrame:
    """Return what was not varied and why."""
    return pd.DataFrame(refused, columns=list(Refusal._fields))


def ranking(runs: pd.DataFrame, metric: str) -> list[str]:
    """Return the strategies, best mean first; equal ones by name."""
    means = _values(runs, metric).mean().sort_index()
    up = METRICS[metric].direction == "lower"
    return [str(name) for name in means.sort_values(ascending=up, kind="stable").index]


def _values(runs: pd.DataFrame, metric: str) -> pd.DataFrame:
    return runs.pivot_table(index="replication", columns="strategy", values=metric, dropna=False)


def _point(values: pd.DataFrame | None, ahead: str, behind: str, point: str) -> dict[str, float]:
    names = (point, f"{point}_from", f"{point}_to")
    if values is None:
        return dict.fromkeys(names, np.nan)
    found = _lead(values, ahead, behind)
    return dict(zip(names, (found.mean, found.low, found.high), strict=True))


def _lead(values: pd.DataFrame, ahead: str, behind: str, comparisons: int = 1) -> Difference:
    columns = (values[name].to_numpy(dtype=np.float64) for name in (ahead, behind))
    return difference(*columns, confidence=CONFIDENCE, comparisons=comparisons)


def _moved(values: pd.DataFrame | None, base: pd.DataFrame, ahead: str, behind: str) -> bool:
    """Tell whether the lead of one over another changes by more than noise, pair by pair."""
    if values is None:
        return False
    leads = [
        (each[ahead] - each[behind]).reindex(base.index).to_numpy(dtype=np.float64)
        for each in (values, base)
    ]
    found = difference(*leads, confidence=CONFIDENCE)
    return bool(found.low > 0.0 or found.high < 0.0)


def _row(base: Comparison, one: Ends, best: str, pairs: pd.DataFrame) -> dict[str, Any]:
    runs = {"base": base.runs, **one.runs}
    of_best = pairs[pairs["ahead"] == best]
    leads = {f"lead_{point}": float(of_best[point].min()) for point in POINTS}
    span = [lead for lead in leads.values() if not np.isnan(lead)]
    values = {"base": one.parameter.by_owner, **one.by_owner}
    row: dict[str, Any] = {
        "parameter": one.parameter.key,
        "unit": one.parameter.unit,
        "of": ", ".join(one.parameter.by_owner),
        **{point: _span(values[point]) if point in values else "" for point in POINTS},
        "metric": base.metric,
        "best": best,
        **leads,
        "swing": max(span) - min(span) if span else np.nan,
        **_flip(pairs),
    }
    for point in POINTS:
        row[f"ranking_{point}"] = (
            " > ".join(ranking(runs[point], base.metric)) if point in runs else ""
        )
    for point in POINTS:
        means = _values(runs[point], base.metric).mean() if point in runs else None
        for name in base.strategies:
            row[f"{point}:{name}"] = np.nan if means is None else float(means[name])
    return row


def _flip(pairs: pd.DataFrame) -> dict[str, Any]:
    """Return the pair that flips: a clear one if there is one, and then the one that moves most."""
    found = pairs[pairs["flips"]].sort_values(
        ["flip_clear", "change"], ascending=False, kind="stable"
    )
    if found.empty:
        return {"flip": "", "flip_clear": False, "flips_clear": 0}
    first = found.iloc[0]
    return {
        "flip": f"{first['ahead']} ⇄ {first['behind']}",
        "flip_clear": bool(first["flip_clear"]),
        "flips_clear": int(found["flip_clear"].sum()),
    }


def _span(values: Values) -> str:
    """Return the values of all providers in short: one number, or smallest and largest."""
    low, high = min(values.values()), max(values.values())
    return f"{low:,.6g}" if low == high else f"{low:,.4g} … {high:,.4g}"
