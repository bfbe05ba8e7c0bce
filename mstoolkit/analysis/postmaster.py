"""Daily figures in the forms in which two providers show a sender what became of its mail.

Google Postmaster Tools: https://support.postmaster.google.com and, for the bands of reputation that
it showed until 2025, github:SparkPost/support-docs@2cb4102c88745e0d0f72dcb096dd5fca24a35078:
content/analyst/inbox-and-design-tracker/how-to-interpret-google-postmaster-tools.md. Microsoft
SNDS: the same, microsoft-snds-set-up-and-configuration.md. A run of any provider can be put into
either form. Days are those of scenario time, from its start.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from mstoolkit.analysis.columns import Flags, among, floats, picked
from mstoolkit.config import Scenario

DAY = 86400.0
LEAST_FOR_RATE = 100
"""Messages in the inbox below which no spam rate is told; an assumption: Google names no number."""
LEAST_FOR_SNDS = 100
"""Messages of a source IP below which SNDS shows nothing of a day; SNDS."""
GREEN, RED = 0.10, 0.90
"""Shares of spam verdicts below which the filter result is green, and above which red; SNDS."""
BANDS = MappingProxyType({"high": 0.90, "medium": 0.70, "low": 0.40, "bad": 0.0})
"""Reputation from which a band begins; assumptions: Google names no edges."""
ERRORS = MappingProxyType(
    {
        "throttled": ("throttle", "greylist"),
        "blocked": (
            "block_ip", "block_domain", "policy", "recipient_block", "spam", "content", "virus",
            "too_big",
        ),
        "dns_auth": ("auth", "ptr", "sender", "config"),
        "mailbox": ("invalid_recipient", "inactive_mailbox", "invalid_domain", "mailbox_full"),
        "other_errors": (),
    }
)  # fmt: skip
"""Categories of refusals that a kind of delivery error holds; the last holds all others."""
CHECKS = ("spf", "dkim", "dmarc", "tls", "ptr")
_ANSWERS = ("delivered", "deferred", "bounced", "connection_failed")
_JUDGED = ("spam", "content", "virus")  # refusals that are a verdict on the message
_PATH = ["isp", "source_ip"]
_PLACES = ("inbox", "tabs", "spam", "missing")


def postmaster_daily(
    events: pd.DataFrame,
    truth: pd.DataFrame,
    scenario: Scenario | None = None,
    *,
    least: int = LEAST_FOR_RATE,
) -> pd.DataFrame:
    """Return each ISP's days in the form of Google Postmaster Tools.

    Parameters
    ----------
    events : DataFrame
        The event log.
    truth : DataFrame
        The truth table of the run: which share of the mail was placed where.
    scenario : Scenario, optional
        Whose sending domain, authentication of the servers and one-click of the campaigns are told;
        without it these are not.
    least : int, optional
        Messages in the inbox below which the spam rate is hidden.

    Returns
    -------
    DataFrame
        One row an ISP and day on which it answered: ``domain``, ``isp``, ``day`` (0 is the first),
        ``tried`` (messages that it answered), ``delivered``, ``inbox`` (of which ``tabs`` in tabs),
        ``spam`` and ``missing`` (messages, by the placement of their time), ``complaints`` (that
        came in on the day), ``spam_rate`` (complaints by mail placed in the inbox, NaN where
        hidden; mail without DKIM counts in neither), the shares of what was tried that met each of
        `ERRORS`, and ``error_rate``, their sum; ``spf``, ``dkim``, ``dmarc``, ``tls``, ``ptr`` and
        ``one_click``: "compliant", "needs work", or "" where nothing is known.

    Examples
    --------
    >>> from mstoolkit.analysis.examples import log_frame
    >>> one = {"isp": "gmail", "source_ip": "192.0.2.1", "decided_at": 0.0}
    >>> events = log_frame([{"event": "delivered", "n": 1000, **one},
    ...                     {"event": "complained", "at": 60.0, "n": 2, **one}])
    >>> truth = pd.DataFrame({"at": [0.0], "source_ip": ["192.0.2.1"], "isp": ["gmail"],
    ...                       "inbox": [0.8], "spam": [0.2]})
    >>> postmaster_daily(events, truth)[["inbox", "spam", "spam_rate"]].values.tolist()
    [[800.0, 200.0, 0.0025]]
    """
    key = ["isp", "day"]
    table = _answered(events, key).join(_sums(_placed(events, truth), key)).fillna(0.0)
    heard = _complaints(events).groupby(key)["n"].sum().reindex(table.index, fill_value=0)
    table["complaints"] = heard.astype(np.int64)
    table["spam_rate"] = _spam_rate(events, truth, scenario, least).reindex(table.index)
    for name, column in _compliance(events, scenario).items():
        table[name] = column.reindex(table.index).fillna("")
    frame = table.reset_index()
    frame.insert(0, "domain", "" if scenario is None else scenario.sending_domain)
    parts = ["delivered", *_PLACES, "complaints", "spam_rate"]
    errors = [*ERRORS, "error_rate"]
    return frame[["domain", *key, "tried", *parts, *errors, *CHECKS, "one_click"]]


def postmaster_reputation(truth: pd.DataFrame) -> pd.DataFrame:
    """Return each source IP's reputation by day, in bands: the form of Google's page until 2025.

    Google took the page away; the bands bad, low, medium and high are its own, their edges, `BANDS`
    of the hidden reputation's mean over the day's reviews, are assumptions.

    Parameters
    ----------
    truth : DataFrame
        The truth table of a run: ``at`` (s), ``source_ip``, ``isp``, ``reputation`` (0 .. 1).

    Returns
    -------
    DataFrame
        ``isp``, ``source_ip``, ``day``, ``reputation`` (0 .. 1), ``band``.

    Examples
    --------
    >>> truth = pd.DataFrame({"at": [0.0, 60.0], "source_ip": "192.0.2.1", "isp": "gmail",
    ...                       "reputation": [1.0, 0.5]})
    >>> postmaster_reputation(truth)[["reputation", "band"]].values.tolist()
    [[0.75, 'medium']]
    """
    rows = _dated(truth[["at", *_PATH, "reputation"]])
    frame = rows.groupby([*_PATH, "day"])["reputation"].mean().reset_index()
    names = np.array(list(BANDS)[::-1], dtype=object)
    edges = np.array([BANDS[name] for name in names])
    liked = floats(frame, "reputation")
    frame["band"] = names[np.maximum(np.searchsorted(edges, liked, side="right") - 1, 0)]
    return frame


def snds_daily(
    events: pd.DataFrame, truth: pd.DataFrame, *, least: int = LEAST_FOR_SNDS
) -> pd.DataFrame:
    """Return each source IP's days in the form of Microsoft's Smart Network Data Services.

    Parameters
    ----------
    events : DataFrame
        The event log.
    truth : DataFrame
        The truth table of the run: which share of the mail was placed where, and ``trapped``, the
        hits of spam traps so far, if it was counted.
    least : int, optional
        Messages below which a day is left out.

    Returns
    -------
    DataFrame
        One row an ISP, source IP and day: ``isp``, ``source_ip``, ``day`` (0 is the first),
        ``messages`` (taken, or refused for what they hold), ``verdicts`` (share of them that was
        taken for spam, 0 .. 1), ``filter_result`` ("green" below 10 % of such verdicts, "red" above
        90 %, else "yellow"), ``complaints`` (that came in on the day), ``complaint_rate`` (of the
        day's messages) and ``trap_hits``.

    Examples
    --------
    >>> from mstoolkit.analysis.examples import log_frame
    >>> one = {"isp": "outlook", "source_ip": "192.0.2.1", "decided_at": 0.0}
    >>> events = log_frame([{"event": "delivered", "n": 1000, **one},
    ...                     {"event": "complained", "at": 60.0, "n": 3, **one}])
    >>> truth = pd.DataFrame({"at": [0.0], "source_ip": ["192.0.2.1"], "isp": ["outlook"],
    ...                       "inbox": [0.8], "spam": [0.2]})
    >>> snds_daily(events, truth)[["messages", "filter_result", "complaint_rate"]].values.tolist()
    [[1000, 'yellow', 0.003]]
    """
    key = [*_PATH, "day"]
    table = _sums(_placed(events, truth), key)
    refused = _dated(_in_band(events, "bounced"))
    judged = refused[among(refused, "category", *_JUDGED)].groupby(key)["n"].sum()
    table = table.reindex(table.index.union(judged.index)).fillna(0.0)
    judged = judged.reindex(table.index, fill_value=0)
    heard = _complaints(events).groupby(key)["n"].sum().reindex(table.index, fill_value=0)
    messages = table["delivered"] + judged
    verdicts = (table["spam"] + judged) / messages
    frame = pd.DataFrame(
        {
            "messages": messages.round().astype(np.int64),
            "verdicts": verdicts,
            "filter_result": np.select(
                [verdicts < GREEN, verdicts > RED], ["green", "red"], "yellow"
            ),
            "complaints": heard.astype(np.int64),
            "complaint_rate": heard / messages,
            "trap_hits": _trap_hits(truth).reindex(table.index, fill_value=0).astype(np.int64),
        }
    )
    return frame[frame["messages"] >= least].reset_index()


# -- what both are made of


def _dated(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with their day, and paths as plain text, so that groups are those that occur."""
    texts: dict[str, Any] = {name: rows[name].astype(object) for name in _PATH}
    return rows.assign(day=(floats(rows, "at") // DAY).astype(np.int64), **texts)


def _in_band(events: pd.DataFrame, *wanted: str) -> pd.DataFrame:
    """Return what an ISP answered: no notices of later, no connections that nobody answered."""
    columns = ("at", "n", "event", "category", "phase", "code", "campaign", "server", *_PATH)
    rows = picked(events, wanted, *columns)
    nobody: Flags = among(rows, "event", "connection_failed") & (rows["code"].to_numpy() == 0)
    return rows[~(nobody | among(rows, "phase", "dsn"))]


def _complaints(events: pd.DataFrame) -> pd.DataFrame:
    return _dated(picked(events, "complained", "at", "n", "server", *_PATH))


def _answered(events: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """Return the messages tried, and the shares of them that met each kind of error."""
    rows = _dated(_in_band(events, *_ANSWERS))
    kinds = {category: name for name, some in ERRORS.items() for category in some}
    last = list(ERRORS)[-1]
    kind = rows["category"].astype(object).map(lambda name: kinds.get(name, last))
    rows["kind"] = kind.where(~among(rows, "event", "delivered"), "")
    counts = rows.pivot_table(index=key, columns="kind", values="n", aggfunc="sum", fill_value=0)
    tried = counts.sum(axis=1)
    table = pd.DataFrame({"tried": tried.astype(np.int64)})
    for name in ERRORS:
        table[name] = counts[name] / tried if name in counts else 0.0
    table["error_rate"] = table[list(ERRORS)].sum(axis=1)
    return table


def _placed(events: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Return what was delivered and how much of it went where, by the review that held then."""
    rows = _dated(picked(events, "delivered", "at", "decided_at", "n", "server", *_PATH))
    rows["when"] = rows["decided_at"].fillna(rows["at"])
    shares = _shares(truth).sort_values("when", kind="stable")
    rows = pd.merge_asof(
        rows.sort_values("when", kind="stable"), shares, on="when", by=_PATH, direction="backward"
    )
    first = rows[_PATH].merge(shares.drop_duplicates(_PATH), on=_PATH, how="left")
    n = floats(rows, "n")
    share = {name: rows[name].fillna(first[name]).fillna(0.0) for name in _PLACES}
    share["tabs"] *= share["inbox"]  # it is told as a share of the inbox
    return rows.assign(delivered=n, **{name: n * of for name, of in share.items()})


def _shares(truth: pd.DataFrame) -> pd.DataFrame:
    shares = pd.DataFrame({name: truth[name].astype(object) for name in _PATH})
    shares["when"] = floats(truth, "at")
    for name in _PLACES:
        shares[name] = floats(truth, name) if name in truth else 0.0
    return shares


def _sums(placed: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    return placed.groupby(key)[["delivered", *_PLACES]].sum()


def _spam_rate(
    events: pd.DataFrame, truth: pd.DataFrame, scenario: Scenario | None, least: int
) -> pd.Series[Any]:
    """Return complaints by mail in the inbox, of signed mail, where there is enough of it."""
    key, placed, heard = ["isp", "day"], _placed(events, truth), _complaints(events)
    if scenario is not None:
        unsigned = [k for k, s in scenario.servers.items() if not s.authentication.dkim]
        placed, heard = (rows[~among(rows, "server", *unsigned)] for rows in (placed, heard))
    inbox = placed.groupby(key)["inbox"].sum()
    complaints = heard.groupby(key)["n"].sum().reindex(inbox.index, fill_value=0)
    return (complaints / inbox).where((inbox >= least) & (inbox > 0))


def _compliance(events: pd.DataFrame, scenario: Scenario | None) -> dict[str, pd.Series[Any]]:
    """Return, for each demand, whether all that was tried on a day met it."""
    if scenario is None:
        return dict.fromkeys((*CHECKS, "one_click"), pd.Series(dtype=object))
    rows = _dated(_in_band(events, *_ANSWERS))
    servers, campaigns = scenario.servers, scenario.campaigns
    met: dict[str, Any] = {
        name: {k: getattr(s.authentication, name) for k, s in servers.items()} for name in CHECKS
    }
    met["one_click"] = {
        # Google asks it of marketing mail only.
        k: campaign.one_click or campaign.stream == "transactional"
        for k, campaign in campaigns.items()
    }
    found = {}
    for name, table in met.items():
        of = "campaign" if name == "one_click" else "server"
        rows["met"] = rows[of].astype(object).map(table).fillna(True).astype(bool)
        kept = rows.groupby(["isp", "day"])["met"].all()
        found[name] = kept.map({True: "compliant", False: "needs work"})
    return found


def _trap_hits(truth: pd.DataFrame) -> pd.Series[Any]:
    """Return the hits of spam traps by day, from the counts so far."""
    key = [*_PATH, "day"]
    if "trapped" not in truth:
        return pd.Series(0, index=pd.MultiIndex.from_arrays([[], [], []], names=key))
    rows = _dated(truth[["at", *_PATH, "trapped"]])
    so_far = rows.groupby(key)["trapped"].max()
    before = so_far.groupby(_PATH).shift(fill_value=0)
    return so_far - before
