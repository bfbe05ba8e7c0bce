"""The messages: minimal RFC 5322, one recipient each; no value can become a header."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from mstoolkit.config import ConfigError, Scenario
from mstoolkit.config.mailing import Mailing
from mstoolkit.model import Lot, Parcel

_ADDRESS = re.compile(r"[A-Za-z0-9._=+-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")
_DOMAIN = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_UNSAFE = re.compile(r"[^A-Za-z0-9.-]")


class Letters:
    """Writes the letters of a scenario's campaigns.

    What a campaign's letters have in common is made once, by `EmailMessage`, which refuses line
    breaks in headers. What differs (recipient, date, id) is put before it, of checked characters.
    """

    def __init__(self, scenario: Scenario, mailing: Mailing, run: str) -> None:
        self._mailing = mailing
        self._run = _UNSAFE.sub("-", run)
        self._domain = scenario.sending_domain
        self._bodies: dict[str, bytes] = {}
        self._date = (-1, "")
        if not _DOMAIN.fullmatch(self._domain):
            raise ConfigError(
                f"is not a domain: {self._domain!r}",
                key="sending_domain",
                remedy='write one as "news.example"',
            )
        for block in mailing.blocks:
            self._check(block.lot, block.first)

    @property
    def sender(self) -> str:
        """The envelope sender."""
        return f"bounces@{self._domain}"

    def recipient(self, parcel: Parcel) -> str:
        """Return the address of a parcel of one."""
        return self._mailing.address(parcel.lot.list, parcel.first)

    def letter(self, parcel: Parcel, when: float) -> bytes:
        """Return the message of a parcel of one, with CRLF line ends, dots not yet doubled.

        Parameters
        ----------
        parcel : Parcel
            One message of a lot.
        when : float
            Unix time (s) of the Date header.
        """
        address = self.recipient(parcel)
        if not _ADDRESS.fullmatch(address):
            raise ValueError(f"not an address: {address!r}")
        body = self._bodies.get(parcel.lot.campaign)
        if body is None:
            body = self._bodies[parcel.lot.campaign] = self._common(parcel.lot)
        name = _UNSAFE.sub("-", parcel.lot.list)
        head = (
            f"To: <{address}>\r\nDate: {self._stamp(when)}\r\n"
            f"Message-ID: <{name}-{parcel.first}-{self._run}@{self._domain}>\r\n"
        )
        return head.encode("ascii") + body

    def _check(self, lot: Lot, index: int) -> None:
        address = self._mailing.address(lot.list, index)
        if not _ADDRESS.fullmatch(address):
            raise ConfigError(
                f"makes addresses that cannot be mailed, as {address!r}",
                key=f"campaigns.{lot.list}",
                remedy="name the campaign with letters, digits and hyphens",
            )

    def _common(self, lot: Lot) -> bytes:
        message = EmailMessage(policy=SMTP)
        message["From"] = f"News <news@{self._domain}>"
        message["Subject"] = f"{lot.campaign}: a message of a test run"
        message["List-Unsubscribe"] = f"<mailto:unsubscribe@{self._domain}>"
        message.set_content("This message was made by mstoolkit.\nNobody needs to read it.\n")
        return message.as_bytes()

    def _stamp(self, when: float) -> str:
        second = int(when)
        if self._date[0] != second:
            self._date = (second, format_datetime(datetime.fromtimestamp(second, UTC)))
        return self._date[1]
