"""The tornado chart: largest swing on top, the flip named, and nothing left out in silence."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from mstoolkit.plots import rendered, tornado, tornado_size


def table(count: int) -> pd.DataFrame:
    """Return parameters with growing swings; the one with the smallest flips for certain."""
    rows = [
        {
            "parameter": f"p{k}", "unit": "s", "low": "1", "high": "4",
            "metric": "delivery_rate", "best": "a",
            "lead_low": 0.01 - 0.001 * k, "lead_base": 0.01, "lead_high": 0.01 + 0.001 * k,
            "swing": 0.002 * k, "flip": "b ⇄ c" if k == 0 else "",
            "flip_clear": k == 0, "flips_clear": int(k == 0),
        }
        for k in range(count)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_the_largest_swing_is_on_top_and_a_clear_flip_stays() -> None:
    """Of 30 parameters 20 are drawn, the flip among them, and the rest is counted."""
    axes = tornado(table(30), ax=Figure().subplots())
    labels = [label.get_text().partition(":")[0] for label in axes.get_yticklabels()]
    assert labels[0] == "p29"
    assert len(labels) == 20
    assert labels[-1] == "p0"
    assert "b ⇄ c" in [text.get_text() for text in axes.texts]
    assert "and 10 more" in axes.get_xlabel()


def test_it_renders_with_an_end_that_was_not_varied() -> None:
    """A missing end is no error."""
    frame = table(3).assign(lead_low=float("nan"), low="")
    assert rendered(tornado, frame, size=tornado_size(frame))[:4] == b"\x89PNG"
