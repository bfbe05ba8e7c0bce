"""The wait that a provider asks for in the text of its reply.

Read word by word and not by one long expression: the text is a stranger's, and a walk over words
takes time in proportion to its length whatever it holds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_READ = 2000  # characters; a reply line has at most 512 (RFC 5321 4.5.3.1.5)
_LONGEST = 86400.0
_FILLERS = 6  # words between the cue and the amount

_WORD = re.compile(r"[0-9]+:[0-9]{2}(?::[0-9]{2})?|-?[0-9]+(?:\.[0-9]+)?|[a-z]+|[.!?;]")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-5][0-9]):([0-5][0-9])")
_ONE = frozenset({"a", "an", "one"})
_FILLER = frozenset(
    {
        *("again", "later", "back", "please", "at", "least", "about", "approximately", "around"),
        *("another", "more", "your", "this", "the", "it", "sending", "delivery", "connecting"),
        *("message", "mail", "email", "next", "time"),
    }
)
# Cue -> words one of which must follow before the amount; "wait 1 hour" needs none. "Retry for
# 4 hours" tells how long retries go on and "within" is a deadline: neither is a delay.
_WHEN = frozenset({"in", "after"})
_CUES: dict[str, frozenset[str]] = {
    "try": _WHEN,
    "retry": _WHEN,
    "resend": _WHEN,
    "reconnect": _WHEN,
    "come": _WHEN,
    "wait": frozenset(),
    "greylisted": frozenset({"for"}),
    "graylisted": frozenset({"for"}),
}
_UNITS: dict[str, float] = {
    unit: seconds
    for seconds, units in (
        (1.0, "s sec secs second seconds"),
        (60.0, "m min mins minute minutes"),
        (3600.0, "h hr hrs hour hours"),
        (86400.0, "d day days"),
    )
    for unit in units.split()
}


def hinted_delay(text: str) -> float | None:
    """Return after how many seconds a reply asks to be tried again.

    Parameters
    ----------
    text : str
        Text of a reply, in English.

    Returns
    -------
    float or None
        Seconds above 0 and at most a day; None if the text names no such delay, or leaves open
        which one, as a range or "a few minutes" does.

    Examples
    --------
    >>> hinted_delay("4.2.0 Greylisted, please try again in 5 minutes")
    300.0
    >>> hinted_delay("Too many messages in 5 minutes, try again later") is None
    True
    """
    words = _WORD.findall(text[:_READ].lower())
    for at, word in enumerate(words):
        if word in _CUES:
            seconds = _after_cue(words, at + 1, _CUES[word])
            if seconds is not None and 0.0 < seconds <= _LONGEST:
                return seconds
    return None


def _after_cue(words: Sequence[str], start: int, needed: frozenset[str]) -> float | None:
    """Step over what may stand between the cue and the amount, and read the amount."""
    joined = ""
    for at in range(start, min(start + _FILLERS, len(words))):
        word = words[at]
        if word in needed or (not needed and word == "for"):
            joined = word
        elif word not in _FILLER:
            return _amount(words, at, joined) if joined or not needed else None
    return None


def _amount(words: Sequence[str], at: int, joined: str) -> float | None:
    """Read "00:04:59", or numbers with units in a row as "1 hour and 30 minutes"."""
    clock = _CLOCK.fullmatch(words[at])
    if clock is not None:
        # "After 14:30:00" is a time of day.
        hours, minutes, seconds = map(int, clock.groups())
        return None if joined == "after" else hours * 3600.0 + minutes * 60.0 + seconds
    total = None
    while at + 1 < len(words) and words[at + 1] in _UNITS:
        number = _number(words[at])
        if number is None:
            break
        total = (total or 0.0) + number * _UNITS[words[at + 1]]
        at += 2
        if at < len(words) and words[at] == "and":
            at += 1
    return total


def _number(word: str) -> float | None:
    if word in _ONE:
        return 1.0
    return float(word) if word[0].isdigit() and ":" not in word else None
