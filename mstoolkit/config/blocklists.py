"""Lists of bad addresses that providers ask: what leads to a listing, and how long it lasts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from mstoolkit.config.base import Frozen
from mstoolkit.config.data import data_path
from mstoolkit.config.errors import ConfigError
from mstoolkit.config.explain import explained, suggestion
from mstoolkit.config.rules import Trigger, parse_trigger
from mstoolkit.config.toml import check_finite, parse_toml
from mstoolkit.config.units import WRITTEN, Count, Duration, Number

_FILE = "blocklists.toml"


def _hits(value: object) -> object:
    return parse_trigger(value) if isinstance(value, str) else value


def _plain(trigger: Trigger) -> Trigger:
    """Refuse a share: a list does not know how much was sent elsewhere."""
    if trigger.share or not trigger.window:
        raise ValueError('is no count within a time; write it as "3 in 1d"')
    return trigger


Hits = Annotated[Trigger, BeforeValidator(_hits), AfterValidator(_plain)]
"""So many within a window, as ``"3 in 1d"``."""


class Causes(Frozen):
    """How much leads to a listing; what is left out does not count there.

    Attributes
    ----------
    pristine : Trigger, optional
        Messages to addresses that never were anybody's.
    recycled : Trigger, optional
        Messages to addresses that were given up, and refused mail before they took it again.
    complaints : Trigger, optional
        Reports of recipients.
    listed : Trigger, optional
        Addresses of one network that came on the list that this one ``follows``.
    """

    pristine: Hits | None = None
    recycled: Hits | None = None
    complaints: Hits | None = None
    listed: Hits | None = None


class Again(Frozen):
    """Who is listed anew ``within`` so long of the last listing stays ``factor`` times as long."""

    factor: Number = Field(ge=1)
    within: Duration = Field(gt=0)


class Blocklist(Frozen):
    """A list of addresses that send spam.

    Parameters
    ----------
    title : str
        Whose it is.
    causes : Causes
        What leads to a listing, counted for one address or one network.
    lasts : float
        Seconds that a listing lasts.
    delisting : str
        How one comes off it.
    again : Again
        How much longer the next listing is.
    scope : {"ip", "network"}
        What is listed.
    prefix : int, optional
        Bits that the addresses of a network share, for that scope.
    follows : str, optional
        The list whose listings ``causes.listed`` counts.
    source : dict
        Where figures were read, by key; a key speaks for the whole table of that name.
    assumed : tuple of str
        Keys that nobody has published.

    Examples
    --------
    >>> load_blocklists()["uceprotect-1"].causes.pristine
    Trigger(count=50, window=604800.0, share=0.0)
    """

    title: str
    causes: Causes
    lasts: Duration = Field(gt=0)
    delisting: str
    again: Again
    scope: Literal["ip", "network"]
    prefix: Annotated[Count, Field(ge=8, le=31)] | None = None
    follows: str | None = None
    source: dict[str, str] = {}
    assumed: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _makes_sense(self) -> Blocklist:
        if not self.causes.model_dump(exclude_none=True):
            raise ValueError('causes: says nothing; write one, as { pristine = "3 in 1d" }')
        if (self.scope == "network") != (self.prefix is not None):
            raise ValueError("prefix: goes with scope = 'network'; give both or neither")
        if (self.causes.listed is None) != (self.follows is None):
            raise ValueError("follows: goes with causes.listed; give both or neither")
        return self


class _File(Frozen):
    lists: dict[str, Blocklist]

    @model_validator(mode="after")
    def _followed_exist(self) -> _File:
        for name, each in self.lists.items():
            others = [other for other in self.lists if other != name]
            if each.follows is not None and each.follows not in others:
                raise ValueError(
                    f"lists.{name}.follows: there is no list {each.follows!r} besides; "
                    f"{suggestion(each.follows, others)}"
                )
        return self


def parse_blocklists(text: str, *, file: str = "") -> dict[str, Blocklist]:
    """Read blocklists from TOML text, a table for each.

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
    tree = {"lists": parse_toml(text, file)}
    check_finite(tree["lists"], file)
    try:
        return _File.model_validate(tree, context=WRITTEN).lists
    except ValidationError as error:
        told = explained(_File, error, tree, file=file)
        key = told.key.removeprefix("lists.")
        raise ConfigError(told.problem, file=file, key=key, remedy=told.remedy) from None


def load_blocklists() -> dict[str, Blocklist]:
    """Return the shipped blocklists by the names that the profiles of providers use.

    Examples
    --------
    >>> lists = load_blocklists()
    >>> lists["spamcop"].lasts, lists["uceprotect-2"].prefix
    (86400.0, 24)
    """
    return parse_blocklists((data_path() / _FILE).read_text(encoding="utf-8"), file=_FILE)
