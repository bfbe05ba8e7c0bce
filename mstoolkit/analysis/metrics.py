"""The figures of one run: what is measured, in which unit, and which way is better."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from mstoolkit.analysis.columns import Floats
from mstoolkit.analysis.latency import makespan, queue_time
from mstoolkit.analysis.tally import tally

Direction = Literal["higher", "lower", "none"]


class Metric(NamedTuple):
    """A figure: its name, its unit, which way is better, and what it means.

    Parameters
    ----------
    name : str
        Column and CSV name.
    unit : str
        ``"share"`` (0 .. 1, shown in percent), ``"messages"``, ``"s"``, ``"messages/s"``,
        ``"currency"`` or ``"count"``.
    direction : {"higher", "lower", "none"}
        Which way is better; ``"none"`` where neither is.
    meaning : str
        One sentence.

    Examples
    --------
    >>> METRICS["delivery_rate"].text(0.9512)
    '95.12 %'
    >>> METRICS["delivery_rate"].difference(-0.0034)
    '-0.34 points'
    >>> METRICS["makespan"].text(5400.0)
    '1 h 30 min'
    >>> METRICS["makespan"].interval(5400.0, 6000.0)
    '1:30 – 1:40 h'
    """

    name: str
    unit: str
    direction: Direction
    meaning: str

    @property
    def title(self) -> str:
        """The name as people write it."""
        return _TITLES.get(self.name, self.name.replace("_", " "))

    def text(self, value: float) -> str:
        """Return a value with its unit, for people."""
        if not math.isfinite(value):
            return "not known"
        if self.unit == "share":
            return f"{100 * value:.{2 if value >= 0.001 or value == 0 else 3}f} %"
        if self.unit == "s":
            return _duration(value)
        return _number(value) + ("" if self.unit in ("currency", "count") else f" {self.unit}")

    def difference(self, value: float) -> str:
        """Return a signed difference with its unit, for people; of shares in percentage points."""
        if not math.isfinite(value):
            return "not known"
        if value == 0:
            return "0"
        if self.unit == "share":
            return f"{100 * value:+.{'2f' if abs(value) >= 0.001 else '2g'}} points"
        return ("-" if value < 0 else "+") + self.text(abs(value))

    def interval(self, low: float, high: float) -> str:
        """Return the ends of an interval, for people, as short as its unit allows."""
        if self.unit == "share":
            return f"{self.text(low).removesuffix(' %')} – {self.text(high).removesuffix(' %')}"
        if self.unit == "s" and low >= 3600:
            return f"{_clock(low)} – {_clock(high)} h"
        ends = (self.text(low), self.text(high))
        return ends[0] if ends[0] == ends[1] else " – ".join(ends)


_TITLES = {
    "queue_p50": "time in queue (median)",
    "queue_p95": "time in queue (95th percentile)",
}

_ALL = (
    Metric("enqueued", "messages", "none", "messages handed over to be sent"),
    Metric("delivered", "messages", "higher", "accepted by the provider and not reversed by a DSN"),
    Metric("delivery_rate", "share", "higher", "delivered / enqueued"),
    Metric("bounce_rate", "share", "lower", "bounced in band or by DSN / enqueued"),
    Metric("open_rate", "share", "higher", "opened by a person within 72 h / delivered"),
    Metric("machine_open_rate", "share", "none", "opened by a machine (prefetch) / delivered"),
    Metric(
        "complaint_rate",
        "share",
        "lower",
        "complaints, also those that no feedback loop reports / delivered",
    ),
    Metric("deferral_rate", "share", "lower", "attempts put off by the provider / attempts"),
    Metric("expired_rate", "share", "lower", "given up because too old / enqueued"),
    Metric("suppressed_rate", "share", "none", "kept back by the suppression list / enqueued"),
    Metric("queued_rate", "share", "lower", "still queued or in flight at the end / enqueued"),
    Metric("makespan", "s", "lower", "from the first message enqueued to 99 % of the deliveries"),
    Metric("queue_p50", "s", "lower", "median time from enqueued to delivered"),
    Metric("queue_p95", "s", "lower", "95th percentile of the time from enqueued to delivered"),
    Metric("throughput", "messages/s", "higher", "99 % of the deliveries / makespan"),
    Metric("cost", "currency", "lower", "price of the messages that the servers got accepted"),
    Metric("suspensions", "count", "lower", "times that a server or a path was left alone"),
)

METRICS: Mapping[str, Metric] = {metric.name: metric for metric in _ALL}
"""The metrics of `summary` by name, in the order in which they are shown."""


def summary(events: pd.DataFrame, *, costs: Mapping[str, float] | None = None) -> pd.Series[float]:
    """Return the metrics of one run.

    Parameters
    ----------
    events : DataFrame
        The event log of the run.
    costs : mapping of str to float, optional
        Price of 1,000 messages by server; without it ``cost`` is NaN.

    Returns
    -------
    Series
        One value for each name of `METRICS`, in that order and in its unit; NaN where a rate has
        nothing to divide by.

    Examples
    --------
    >>> from mstoolkit.analysis.examples import small_log
    >>> float(summary(small_log())["delivery_rate"])
    0.9
    """
    groups, _ = tally(events)
    counts = {kind: float(values[0]) for kind, values in groups.items()}
    enqueued, net = counts["enqueued"], counts["delivered"] - counts["reversed"]
    median, late = queue_time(events, (0.5, 0.95))
    span = makespan(events)
    rates = {name: float(value[0]) for name, value in _rates(groups).items()}
    values = {
        **rates,
        "enqueued": enqueued,
        "delivered": net,
        "makespan": span,
        "queue_p50": median,
        "queue_p95": late,
        "throughput": 0.99 * counts["delivered"] / span if span > 0 else math.nan,
        "cost": _cost(events, costs),
        "suspensions": counts["suspended"],
    }
    return pd.Series({name: values[name] for name in METRICS}, dtype=np.float64, name="value")


def by(
    events: pd.DataFrame, what: str, *, costs: Mapping[str, float] | None = None
) -> pd.DataFrame:
    """Break a run down by ISP, server, segment, campaign or stream.

    Parameters
    ----------
    events : DataFrame
        The event log of the run.
    what : {"isp", "server", "segment", "campaign", "stream"}
        The column to break down by.
    costs : mapping of str to float, optional
        Price of 1,000 messages by server, for ``by(events, "server")``.

    Returns
    -------
    DataFrame
        One row a group, indexed by its name. Rates (0 .. 1) as in `METRICS`; ``share`` is the
        group's part of all delivered messages. No message is enqueued for a server, so for servers
        ``accepted_rate`` is accepted / attempts, and what is measured against enqueued is left out.

    Raises
    ------
    ValueError
        If the log cannot be broken down by `what`.

    Examples
    --------
    >>> from mstoolkit.analysis.examples import small_log
    >>> by(small_log(), "server")["share"].round(2).to_dict()
    {'mta-1': 0.77, 'mta-2': 0.23}
    """
    if what not in ("isp", "server", "segment", "campaign", "stream"):
        raise ValueError(
            f"cannot break down by {what!r}: use isp, server, segment, campaign, stream"
        )
    counts, groups = tally(events, what)
    frame = _server_frame(counts, groups, costs) if what == "server" else _lot_frame(counts)
    frame.index = pd.Index(groups, name=what, dtype=object)
    seen = np.sum(list(counts.values()), axis=0) > 0
    shown: pd.DataFrame = frame.loc[seen].sort_index()
    return shown


def _rates(counts: Mapping[str, Floats]) -> dict[str, Floats]:
    enqueued, net = counts["enqueued"], counts["delivered"] - counts["reversed"]
    bounced = counts["bounced"] + counts["reversed"]
    ended = counts["delivered"] + counts["bounced"] + counts["expired"]
    ended = ended + counts["suppressed"] + counts["withdrawn"]
    return {
        "delivery_rate": _ratio(net, enqueued),
        "bounce_rate": _ratio(bounced, enqueued),
        "open_rate": _ratio(counts["opened"], net),
        "machine_open_rate": _ratio(counts["machine_opened"], net),
        "complaint_rate": _ratio(counts["complained"], net),
        "deferral_rate": _ratio(counts["deferred"], _attempts(counts)),
        "expired_rate": _ratio(counts["expired"], enqueued),
        "suppressed_rate": _ratio(counts["suppressed"], enqueued),
        "queued_rate": _ratio(enqueued - ended, enqueued),
    }


def _attempts(counts: Mapping[str, Floats]) -> Floats:
    return counts["delivered"] + counts["bounced"] + counts["deferred"]


def _lot_frame(counts: Mapping[str, Floats]) -> pd.DataFrame:
    net = counts["delivered"] - counts["reversed"]
    shares = {"share": _ratio(net, net.sum())}
    return pd.DataFrame(
        {"enqueued": counts["enqueued"], "delivered": net} | shares | _rates(counts)
    )


def _server_frame(
    counts: Mapping[str, Floats], groups: list[str], costs: Mapping[str, float] | None
) -> pd.DataFrame:
    net = counts["delivered"] - counts["reversed"]
    attempts = _attempts(counts)
    prices = np.array([math.nan if costs is None else costs.get(name, 0.0) for name in groups])
    return pd.DataFrame(
        {
            "attempts": attempts,
            "delivered": net,
            "share": _ratio(net, net.sum()),
            "accepted_rate": _ratio(counts["delivered"], attempts),
            "deferral_rate": _ratio(counts["deferred"], attempts),
            "bounced": counts["bounced"] + counts["reversed"],
            "open_rate": _ratio(counts["opened"], net),
            "complaint_rate": _ratio(counts["complained"], net),
            "connection_failures": counts["connection_failed"],
            "suspensions": counts["suspended"],
            "cost": counts["delivered"] * prices / 1000,
        }
    )


def _cost(events: pd.DataFrame, costs: Mapping[str, float] | None) -> float:
    if costs is None:
        return math.nan
    counts, servers = tally(events, "server")
    prices = np.array([costs.get(server, 0.0) for server in servers])
    return float((counts["delivered"] * prices).sum() / 1000)


def _ratio(part: Floats, whole: Floats | float) -> Floats:
    whole = np.broadcast_to(np.asarray(whole, dtype=np.float64), part.shape)
    ratio: Floats = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return ratio


def _number(value: float) -> str:
    digits = 0 if abs(value) >= 100 or value == round(value) else 2
    return f"{value:,.{digits}f}"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours else f"{minutes} min"


def _clock(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours}:{minutes:02d}"
