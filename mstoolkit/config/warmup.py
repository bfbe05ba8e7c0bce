"""Published warm-up schedules: how much a new source address may send, day by day."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError, field_validator, model_validator

from mstoolkit.config.base import Frozen
from mstoolkit.config.data import data_path, data_text
from mstoolkit.config.errors import ConfigError
from mstoolkit.config.explain import explained, offer, suggestion
from mstoolkit.config.toml import check_finite, parse_toml
from mstoolkit.config.units import WRITTEN, Count, Share
from mstoolkit.config.warmup_rules import Rule, Shares, Volume, written_then


class Guards(Frozen):
    """Shares that the source wants watched while an address is warmed up.

    Attributes
    ----------
    bounces, complaints : float, optional
        From here on something is amiss, of the mail sent and delivered.
    bounces_stop, complaints_hold : float, optional
        From here on the schedule stops, or does not go on.
    opens : float, optional
        From here on placement is good.
    """

    bounces: Share | None = None
    bounces_stop: Share | None = None
    complaints: Share | None = None
    complaints_hold: Share | None = None
    opens: Share | None = None


Of = Literal["ip", "account", "ip-isp", "account-isp"]
_OF: Mapping[str, str] = {
    "ip": "per IP",
    "account": "per account",
    "ip-isp": "per IP and ISP",
    "account-isp": "per account and ISP",
}


class Schedule(Frozen):
    """One published schedule: a ``rule`` for all mail, or one for each of ``isps``.

    Parameters
    ----------
    title : str
        Whose it is.
    source : tuple of str
        Where it was read: a name, a colon, the address.
    verified : bool
        Whether the figures were read there; else they are from memory or inferred.
    per : {"day", "hour"}
        The time within which the source counts. Volumes are messages a day all the same.
    of : {"ip", "account", "ip-isp", "account-isp"}
        What a volume is for: an address, or an account with however many; of all its mail, or of
        that to each ISP apart.
    rule : Table, Shares, Growth, Geometric, Ramp or Stages
    isps : dict
        Rules by ISP; ``other`` stands for those without one of their own.
    addresses : tuple of (float, int)
        With how many addresses to reach which volume (messages a day), if that is published.
    guards : Guards
    notes : tuple of str
        Misprints, doubts, and what the source says besides.
    assumed : tuple of str
        Keys that the source does not state.

    Examples
    --------
    >>> responsys = load_warmup("responsys")
    >>> responsys.length, responsys.unit, list(responsys.isps)
    (7, 'messages/day per account and ISP', ['gmail', 'outlook', 'yahoo', 'other'])
    """

    title: str
    source: tuple[str, ...]
    verified: bool
    per: Literal["day", "hour"]
    of: Of
    rule: Rule | None = None
    isps: dict[str, Rule] = {}
    addresses: tuple[tuple[Volume, Count], ...] = ()
    guards: Guards = Guards()
    notes: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()

    @field_validator("source")
    @classmethod
    def _some_source(cls, source: tuple[str, ...]) -> tuple[str, ...]:
        if not any(each.strip() for each in source):
            raise ValueError("is empty; tell where the schedule was read")
        return source

    @model_validator(mode="after")
    def _one_form(self) -> Schedule:
        if bool(self.isps) == (self.rule is not None):
            problem = "stands beside isps" if self.isps else "is missing"
            raise ValueError(f"rule: {problem}; give either one rule or some by ISP")
        if self.isps and not self.of.endswith("-isp"):
            raise ValueError(f"of: {self.of!r} has no rules by ISP; write of = '{self.of}-isp'")
        return self

    @property
    def rules(self) -> dict[str, Rule]:
        """The rules by ISP; a rule for all mail under an empty name."""
        return dict(self.isps) if self.rule is None else {"": self.rule}

    @property
    def in_shares(self) -> bool:
        """Whether volumes are shares of a full volume that the user has to know."""
        return any(isinstance(rule, Shares) for rule in self.rules.values())

    @property
    def length(self) -> int | None:
        """Days until the last rule has come to its end; None if one has none."""
        lengths = [rule.length for rule in self.rules.values()]
        return max((each or 0 for each in lengths), default=0) if all(lengths) else None

    @property
    def unit(self) -> str:
        """What the source counts, in words."""
        what = "share of the full volume" if self.in_shares else f"messages/{self.per}"
        return f"{what} {_OF[self.of]}"


def volume(
    schedule: Schedule, day: int, isp: str = "", *, full: float | None = None
) -> float | None:
    """Return how many messages a schedule lets through on a day.

    Parameters
    ----------
    schedule : Schedule
        Which one.
    day : int
        Days since the first, which is day 0 however the source numbers it. Of stages, as if each
        were passed at the first try.
    isp : str, optional
        To which ISP, where the schedule has rules by ISP; without it, to all of them together.
        Elsewhere it makes no difference.
    full : float, optional
        Messages a day of a warm address, for a schedule in shares of that.

    Returns
    -------
    float or None
        Messages a day of what ``schedule.of`` names; None if the schedule sets no limit: for that
        day, or for that ISP.

    Raises
    ------
    ConfigError
        If the day is negative, or the schedule is in shares and ``full`` is missing.

    Examples
    --------
    >>> sendgrid = load_warmup("sendgrid-automated")
    >>> volume(sendgrid, 0) / 24, volume(sendgrid, 12) / 24
    (20.0, 1000.0)
    >>> volume(load_warmup("responsys"), 0, "yahoo")
    5000.0
    >>> volume(load_warmup("acelle-per-isp"), 0, "gmail", full=100_000)
    5000.0
    """
    if day < 0:
        raise ConfigError(f"must not be negative, got {day}", key="day", remedy="begin with 0")
    if schedule.rule is not None:
        return schedule.rule.at(day, full)
    if isp:
        rule = schedule.isps.get(isp, schedule.isps.get("other"))
        return None if rule is None else rule.at(day, full)
    volumes = [rule.at(day, full) for rule in schedule.isps.values()]
    limits = [each for each in volumes if each is not None]
    return sum(limits) if len(limits) == len(volumes) else None


def warmup_names() -> list[str]:
    """Return the names of the shipped schedules.

    Examples
    --------
    >>> warmup_names()[:2]
    ['acelle', 'acelle-per-isp']
    """
    return sorted(path.stem for path in (data_path() / "warmup").glob("*.toml"))


def load_warmup(source: str | Path) -> Schedule:
    """Read a schedule from a TOML file, or a shipped one by its name.

    Parameters
    ----------
    source : str or Path
        Path of a ``.toml`` file, or a shipped name as ``"sparkpost"``.

    Raises
    ------
    ConfigError
        If the file cannot be read, is no TOML, or says something that cannot be used.

    Examples
    --------
    >>> load_warmup("braze-moderate").unit
    'messages/day per IP'
    """
    name, path = str(source), Path(source)
    if not path.suffix and not path.is_file():
        if name not in warmup_names():
            raise ConfigError(
                f"there is no schedule {name!r}", key="warmup", remedy=offer(name, warmup_names())
            )
        return parse_warmup(data_text("warmup", name), file=f"warmup/{name}.toml")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise ConfigError(
            f"cannot be read ({reason})",
            file=name,
            remedy=f"give a .toml file or a shipped name; "
            f"{suggestion(path.name, warmup_names(), 'shipped are')}",
        ) from None
    return parse_warmup(text, file=name)


def parse_warmup(text: str, *, file: str = "") -> Schedule:
    """Read a schedule from TOML text.

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
    tree = parse_toml(text, file)
    check_finite(tree, file)
    try:
        return Schedule.model_validate(tree, context=WRITTEN)
    except ValidationError as error:
        raise explained(Schedule, error, _written_out(tree), file=file) from None


def _written_out(value: Any) -> Any:
    """Write ``then = "hold"`` out, as the path of an error is looked up in the tables."""
    if not isinstance(value, Mapping):
        return value
    return {
        key: written_then(each) if key == "then" else _written_out(each)
        for key, each in value.items()
    }
