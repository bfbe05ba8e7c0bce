"""An SMTP reply: the phase it came in, its code, its enhanced status and its text."""

from __future__ import annotations

from typing import Literal, NamedTuple

Phase = Literal["connect", "ehlo", "mail", "rcpt", "data", "dsn"]


class Reply(NamedTuple):
    """What a server said, or what stands for it when it said nothing.

    A tuple, because the sender looks replies up for every message and tuples hash fast.

    Parameters
    ----------
    code : int
        Three-digit reply code; 0 for the toolkit's own synthetic replies (no connection, lost).
    status : str
        Enhanced status code as ``"4.7.28"``; empty where the server gave none.
    text : str
        The text after the codes, one line.
    phase : {"connect", "ehlo", "mail", "rcpt", "data", "dsn"}
        Where in the session it came.

    Examples
    --------
    >>> Reply(421, "4.7.28", "Our system has detected an unusual rate of mail", "data").temporary
    True
    """

    code: int
    status: str
    text: str
    phase: Phase = "data"

    @property
    def positive(self) -> bool:
        """Whether the server took the message (2xx)."""
        return 200 <= self.code < 300

    @property
    def temporary(self) -> bool:
        """Whether the server asks to try again (4xx), or never answered (code 0).

        A refusal of the toolkit's own (code 0 with a status of 5) is final: the message cannot be
        sent by this server as it is.
        """
        if self.code == 0:
            return not self.status.startswith("5")
        return 400 <= self.code < 500
