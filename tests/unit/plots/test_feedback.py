"""The plots of daily figures: rates with their limits, and traffic lights."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mstoolkit import plots

RATES = pd.DataFrame(
    {
        "isp": ["gmail", "gmail", "gmail", "gmx"],
        "day": [0, 1, 2, 0],
        "spam_rate": [0.001, np.nan, 0.004, 0.002],
    }
)
LIGHTS = pd.DataFrame(
    {
        "isp": ["outlook", "outlook", "outlook", "gmail"],
        "source_ip": ["192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.1"],
        "day": [0, 1, 1, 0],
        "verdicts": [0.05, 0.95, 0.5, 0.3],
        "filter_result": ["green", "red", "yellow", "yellow"],
    }
)


def axes() -> Axes:
    return Figure().add_subplot()


def lines(ax: Axes) -> dict[str, list[float]]:
    """Return the values of the lines that the legend names."""
    return {
        str(line.get_label()): np.asarray(line.get_ydata(), float).tolist()
        for line in ax.lines
        if not str(line.get_label()).startswith("_")
    }


def cells(ax: Axes) -> dict[tuple[int, int], str]:
    """Return the colour of each coloured row and day."""
    boxes = [box for box in ax.patches if isinstance(box, Rectangle)]
    return {
        (round(box.get_y() + 0.4), round(box.get_x() + 0.5)): to_hex(box.get_facecolor())
        for box in boxes
        if np.isfinite(box.get_x())
    }


def test_a_hidden_day_is_a_gap() -> None:
    """The line has every day of its ISP; what is hidden is not drawn as nothing."""
    found = lines(plots.postmaster_daily(RATES, isp="gmail", ax=axes()))
    assert found["gmail"] == pytest.approx([0.001, np.nan, 0.004], nan_ok=True)
    assert set(lines(plots.postmaster_daily(RATES, ax=axes()))) == {"gmail", "gmx"}


def test_the_limits_are_in_sight() -> None:
    """0.1 % and 0.3 % are drawn and named, even where all rates are far below."""
    ax = plots.postmaster_daily(RATES[:1], ax=axes())
    assert {text.get_text() for text in ax.texts} == {"advised: below 0.1 %", "limit: 0.3 %"}
    assert ax.get_ylim()[1] > 0.003


def test_each_day_has_its_light() -> None:
    """A cell for each row, in the colour of its result, with the share in it."""
    ax = plots.snds_daily(LIGHTS, isp="outlook", ax=axes())
    assert cells(ax) == {(0, 0): "#009e73", (0, 1): "#d55e00", (1, 1): "#f0e442"}
    assert sorted(text.get_text() for text in ax.texts) == ["5 %", "50 %", "95 %"]


def test_of_several_isps_the_worst_light_shows() -> None:
    """192.0.2.1 is green at one and yellow at another on day 0."""
    assert cells(plots.snds_daily(LIGHTS, ax=axes()))[0, 0] == "#f0e442"


@pytest.mark.parametrize("draw", [plots.postmaster_daily, plots.snds_daily])
def test_nothing_to_show_is_an_empty_picture(draw: object) -> None:
    """No rows, no error."""
    assert callable(draw)
    frame = RATES if draw is plots.postmaster_daily else LIGHTS
    assert draw(frame[:0], ax=axes()).get_title(loc="left")
