"""No message is lost and none ends twice: the check, lot by lot, from the log alone."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mstoolkit.analysis.tally import KINDS, kinds

_ENDS = ("delivered", "bounced", "expired", "suppressed", "withdrawn")


def conservation(events: pd.DataFrame) -> pd.DataFrame:
    """Check lot by lot that every enqueued message ended once, or is still open.

    Parameters
    ----------
    events : DataFrame
        The event log of one run.

    Returns
    -------
    DataFrame
        One row a lot: ``lot``, ``enqueued``, ``delivered`` (net of DSNs), ``bounced`` (in band and
        by DSN), ``expired``, ``suppressed``, ``withdrawn``, ``open`` (queued or in flight: what is
        missing to ``enqueued``), all in messages, and ``ok``: nothing ended twice (``open`` is not
        negative) and no more deliveries were reversed than were made.

    Examples
    --------
    >>> from mstoolkit.analysis.examples import small_log
    >>> conservation(small_log())[["lot", "enqueued", "open", "ok"]].values.tolist()
    [[0, 60, 0, True], [1, 40, 2, True]]
    """
    counts = _by_lot(events)
    frame = pd.DataFrame(
        {
            "lot": np.arange(len(counts["enqueued"])),
            "enqueued": counts["enqueued"],
            "delivered": counts["delivered"] - counts["reversed"],
            "bounced": counts["bounced"] + counts["reversed"],
            "expired": counts["expired"],
            "suppressed": counts["suppressed"],
            "withdrawn": counts["withdrawn"],
            "open": counts["enqueued"] - sum(counts[end] for end in _ENDS),
        }
    )
    frame["ok"] = (frame["open"] >= 0) & (frame["delivered"] >= 0)
    return frame[frame.drop(columns=["lot", "ok"]).any(axis=1)].reset_index(drop=True)


def _by_lot(events: pd.DataFrame) -> dict[str, np.ndarray]:
    kind = kinds(events)
    lot = events["lot"].to_numpy().astype(np.int64)
    use = (kind >= 0) & (lot >= 0)
    lots = int(lot[use].max()) + 1 if use.any() else 0
    flat = np.bincount(
        kind[use] * lots + lot[use],
        weights=events["n"].to_numpy()[use],
        minlength=len(KINDS) * lots,
    )
    table = np.rint(flat).astype(np.int64).reshape(len(KINDS), lots)
    return dict(zip(KINDS, table, strict=True))
