"""Blocklists (DNSBLs): what brings a source IP onto them, and for how long."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from mstoolkit.config.base import Frozen
from mstoolkit.config.data import data_path
from mstoolkit.config.toml import parse_toml
from mstoolkit.config.units import Count, Duration, Number


class Blocklist(Frozen):
    """One blocklist.

    Parameters
    ----------
    title
        Its full name.
    pristine, recycled, complaints
        So many messages to traps that never were anybody's, to recycled addresses, or reported by
        people, within ``window``, bring a listing; what is left out does not.
    lasts
        How long a listing stands, unless there are new reasons.
    again
        Listed again within ``remembers`` of the last time, it stands so many times longer.
    scope
        Whether the source IP is listed, or its network of ``prefix`` bits.
    delisting
        How an address comes off the list, in words.
    source, assumed
        Where figures come from, and the keys that nobody has published.
    """

    title: str
    pristine: Count | None = Field(None, ge=1)
    recycled: Count | None = Field(None, ge=1)
    complaints: Count | None = Field(None, ge=1)
    window: Duration = Field(86400.0, gt=0)
    lasts: Duration = Field(gt=0)
    again: Number = Field(1.0, ge=1)
    remembers: Duration = Field(30 * 86400.0, ge=0)
    scope: Literal["ip", "network"] = "ip"
    prefix: Count = Field(24, ge=8, le=32)
    delisting: str = ""
    source: dict[str, str] = {}
    assumed: tuple[str, ...] = ()


def shipped_blocklists() -> dict[str, Any]:
    """Return the tables of ``data/blocklists.toml`` by name, as they are written there.

    Examples
    --------
    >>> shipped_blocklists()["spamhaus"]["lasts"]
    '3d'
    """
    file = data_path() / "blocklists.toml"
    return parse_toml(file.read_text(encoding="utf-8"), file.name)
