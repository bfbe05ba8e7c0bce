"""A message by its name, and what a log says of it."""

from __future__ import annotations

from difflib import get_close_matches
from typing import NamedTuple

import numpy as np
import pandas as pd

from mstoolkit.config import ConfigError, Scenario
from mstoolkit.config.mailing import Mailing
from mstoolkit.model import Lot

_ENDS = ("delivered", "bounced", "expired", "suppressed", "withdrawn")


class Message(NamedTuple):
    """One message.

    Parameters
    ----------
    lot : Lot
        What it is like.
    position : int
        Its position in the list.
    address : str
        Whom it is for.
    """

    lot: Lot
    position: int
    address: str

    @property
    def name(self) -> str:
        """List and position, as in the log."""
        return f"{self.lot.list}:{self.position}"


def message_of(scenario: Scenario, name: str) -> Message:
    """Return the message of a name.

    Parameters
    ----------
    scenario : Scenario
        Whose audience it belongs to.
    name : str
        ``list:position`` as in the log's ``message``, the position alone where there is one list
        only, or the recipient's address.

    Raises
    ------
    ConfigError
        If there is none; it names the nearest.

    Examples
    --------
    >>> from mstoolkit.config import load_scenario
    >>> scenario = load_scenario("quickstart")
    >>> message_of(scenario, "spring:17").address
    'spring-17@googlemail.com'
    >>> message_of(scenario, "spring-17@googlemail.com").name
    'spring:17'
    """
    mailing = Mailing(scenario)
    if "@" in name:
        return _by_address(mailing, name)
    listed, _, number = name.rpartition(":")
    if not listed and len(mailing.sizes) == 1:
        (listed,) = mailing.sizes
    if listed not in mailing.sizes:
        near = get_close_matches(listed or name, mailing.sizes, n=1)
        hint = f"did you mean '{near[0]}:{number or 0}'? " if near else ""
        raise _unknown(name, f"{hint}lists are {', '.join(mailing.sizes)}")
    size = mailing.sizes[listed]
    if not number.isdecimal() or int(number) >= size:
        raise _unknown(name, f"its messages are {listed}:0 to {listed}:{size - 1}")
    index = int(number)
    return Message(mailing.block(listed, index).lot, index, mailing.address(listed, index))


def _by_address(mailing: Mailing, address: str) -> Message:
    try:
        lot, index = mailing.locate(address)
    except KeyError:
        listed, _, number = address.partition("@")[0].rpartition("-")
        if listed in mailing.sizes and number.isdecimal() and int(number) < mailing.sizes[listed]:
            near = mailing.address(listed, int(number))
        else:
            near = mailing.address(next(iter(mailing.sizes)), 0)
        raise _unknown(address, f"an address of this audience is {near}") from None
    return Message(lot, index, address)


def _unknown(name: str, remedy: str) -> ConfigError:
    return ConfigError(f"there is no message {name!r} in this run", key="MESSAGE", remedy=remedy)


class Trace(NamedTuple):
    """The rows of a log about one message.

    Parameters
    ----------
    enqueued : DataFrame
        The parcel that it arrived in; empty if it never did.
    sent : DataFrame
        Its attempts, or those of parcels that are known to have held it.
    answers : DataFrame
        What came of these.
    ends : DataFrame
        Rows that end it without an attempt: expired, suppressed, withdrawn.
    """

    enqueued: pd.DataFrame
    sent: pd.DataFrame
    answers: pd.DataFrame
    ends: pd.DataFrame


def trace(events: pd.DataFrame, message: Message) -> Trace:
    """Return what a log says of a message.

    Parameters
    ----------
    events : DataFrame
        The event log.
    message : Message
        As `message_of` found it.
    """
    first = events["first"].to_numpy()
    about = (events["list"] == message.lot.list).to_numpy() & (first >= 0)
    about &= (first <= message.position) & (message.position < first + events["n"].to_numpy())
    rows = events[about & (events["seq"] >= 0).to_numpy()]
    sent = rows[rows["event"] == "sent"]
    answers = events[
        np.isin(events["token"].to_numpy(), sent["token"].to_numpy())
        & (events["event"] != "sent").to_numpy()
        & (events["seq"] >= 0).to_numpy()
    ]
    ends = rows[rows["event"].isin(_ENDS) & (rows["token"] < 0)]
    return Trace(rows[rows["event"] == "enqueued"], sent, answers, ends)
