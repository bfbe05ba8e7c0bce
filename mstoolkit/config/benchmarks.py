"""What others have measured: published figures that a simulation can be held against."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationError, model_validator

from mstoolkit.config.base import Frozen
from mstoolkit.config.data import data_path
from mstoolkit.config.errors import ConfigError
from mstoolkit.config.explain import explained, suggestion
from mstoolkit.config.toml import check_finite, parse_toml
from mstoolkit.config.units import WRITTEN, Count, Duration, Number, Share

_FILE = "benchmarks.toml"
_FORMS = ("value", "values", "range", "points", "bands", "lognormal")


class LogNormal(Frozen):
    """A delay whose natural logarithm is normal: ``median`` in seconds, ``sigma`` of the log."""

    median: Duration = Field(gt=0)
    sigma: Number = Field(gt=0)


def _in_order(pair: tuple[float, float]) -> tuple[float, float]:
    if pair[0] > pair[1]:
        raise ValueError(f"{pair[0]:g} is above {pair[1]:g}; write the lower one first")
    return pair


class Benchmark(Frozen):
    """One published figure, in one of six forms.

    Parameters
    ----------
    title : str
        What was measured.
    unit : str
        ``"share"`` is a part of one.
    year : int, optional
        When it was measured, if that is stated.
    value : float, optional
        The figure.
    values : dict, optional
        The figure by name: by provider, region, or kind of limit.
    range : tuple of float, optional
        The lowest and the highest.
    points : tuple of (float, float), optional
        Seconds since sending, and the share until then.
    bands : tuple of (float, float, float), optional
        From and to which score, and the figure there.
    lognormal : LogNormal, optional
        A fitted delay.
    source : tuple of str
        Where it was read: a name, a colon, the address.
    verified : bool
        Whether it was read there; the source need not be who measured it.
    computed : bool
        Whether it was worked out for this toolkit from what was read there.
    note : str
        What limits its use.

    Examples
    --------
    >>> load_benchmark("complaint-rate-by-industry").range
    (5e-05, 0.00018)
    """

    title: str
    unit: str
    year: Annotated[Count, Field(ge=1990, le=2100)] | None = None
    value: Number | None = None
    values: dict[str, Number] | None = None
    range: Annotated[tuple[Number, Number], AfterValidator(_in_order)] | None = None
    points: tuple[tuple[Duration, Share], ...] | None = None
    bands: tuple[tuple[Number, Number, Number], ...] | None = None
    lognormal: LogNormal | None = None
    source: tuple[str, ...] = Field(min_length=1)
    verified: bool
    computed: bool = False
    note: str = ""

    @model_validator(mode="after")
    def _one_form(self) -> Benchmark:
        given = [form for form in _FORMS if getattr(self, form) is not None]
        if len(given) != 1:
            raise ValueError(
                f"says {' and '.join(given) or 'no figure'}; give one of {', '.join(_FORMS)}"
            )
        return self


class _File(Frozen):
    sources: dict[str, str]
    benchmarks: dict[str, Benchmark]

    @model_validator(mode="after")
    def _sources_exist(self) -> _File:
        for name, each in self.benchmarks.items():
            for source in each.source:
                if source not in self.sources:
                    raise ValueError(
                        f"benchmarks.{name}.source: there is no source {source!r}; "
                        f"{suggestion(source, list(self.sources))}"
                    )
        return self


def parse_benchmarks(text: str, *, file: str = "") -> dict[str, Benchmark]:
    """Read benchmarks from TOML text: ``[sources]``, and a table ``[benchmarks.NAME]`` for each.

    Parameters
    ----------
    text : str
        The TOML text.
    file : str, optional
        Name for error messages.

    Raises
    ------
    ConfigError
        If it is no TOML, or says something that cannot be used.
    """
    tree: Mapping[str, object] = parse_toml(text, file)
    check_finite(tree, file)
    try:
        found = _File.model_validate(tree, context=WRITTEN)
    except ValidationError as error:
        raise explained(_File, error, tree, file=file) from None
    return {
        name: each.model_copy(
            update={"source": tuple(found.sources[source] for source in each.source)}
        )
        for name, each in found.benchmarks.items()
    }


def load_benchmarks() -> dict[str, Benchmark]:
    """Return the shipped benchmarks by name.

    Examples
    --------
    >>> found = load_benchmarks()
    >>> found["inbox-placement"].value, found["open-delay-2020"].lognormal
    (0.872, LogNormal(median=21312.0, sigma=2.26))
    """
    return parse_benchmarks((data_path() / _FILE).read_text(encoding="utf-8"), file=_FILE)


def load_benchmark(name: str) -> Benchmark:
    """Return a shipped benchmark.

    Raises
    ------
    ConfigError
        If there is none of that name.

    Examples
    --------
    >>> load_benchmark("complaint-limit-gmail").values
    {'advised': 0.001, 'limit': 0.003}
    """
    found = load_benchmarks()
    if name not in found:
        raise ConfigError(
            f"there is no benchmark {name!r}", remedy=suggestion(name, list(found), "shipped are")
        )
    return found[name]
