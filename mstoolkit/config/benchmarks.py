"""Published benchmarks, by name: what a simulation of ordinary mail should come near."""

from __future__ import annotations

from typing import Literal

from pydantic import TypeAdapter

from mstoolkit.config.base import Frozen
from mstoolkit.config.data import data_path
from mstoolkit.config.toml import parse_toml


class Benchmark(Frozen):
    """A published figure, or several points of a curve.

    Attributes
    ----------
    title : str
        What it is, and when it was measured.
    value : float or None
        The figure; rates and shares are fractions of one.
    points : dict of str to float
        A curve: share by hours, or by score.
    use : str
        ``"fitted"`` if figures of the model were chosen to meet it, ``"input"`` if it was put into
        the audience or a profile as it is, ``"held-out"`` if it was not looked at before.
    source : str
        Where it was read.
    """

    title: str
    value: float | None = None
    points: dict[str, float] = {}
    use: Literal["fitted", "input", "held-out"]
    source: str


def load_benchmarks() -> dict[str, Benchmark]:
    """Return the shipped benchmarks by name.

    Examples
    --------
    >>> load_benchmarks()["inbox-gmail"].value
    0.898
    """
    file = data_path() / "benchmarks.toml"
    tree = parse_toml(file.read_text(encoding="utf-8"), file.name)
    return TypeAdapter(dict[str, Benchmark]).validate_python(tree)
