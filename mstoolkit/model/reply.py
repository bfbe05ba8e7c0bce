"""An SMTP reply: the phase it came in, its code, its enhanced status and its text."""

from __future__ import annotations

from typing import Literal

Phase = Literal["connect", "ehlo", "mail", "rcpt", "data", "dsn"]


class Reply:
    """What a server said, or what stands for it when it said nothing.

    Equal by value; the hash is kept, since the sender looks replies up for every message.

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

    __slots__ = ("_hash", "code", "phase", "status", "text")

    def __init__(self, code: int, status: str, text: str, phase: Phase = "data") -> None:
        self.code = code
        self.status = status
        self.text = text
        self.phase = phase
        self._hash = hash((code, status, text, phase))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Reply):
            return NotImplemented
        return (self.code, self.status, self.text, self.phase) == (
            other.code,
            other.status,
            other.text,
            other.phase,
        )

    def __repr__(self) -> str:
        return f"Reply({self.code}, {self.status!r}, {self.text!r}, {self.phase!r})"

    @property
    def positive(self) -> bool:
        """Whether the server took the message (2xx)."""
        return 200 <= self.code < 300

    @property
    def temporary(self) -> bool:
        """Whether the server asks to try again (4xx), or never answered (code 0)."""
        return self.code == 0 or 400 <= self.code < 500
