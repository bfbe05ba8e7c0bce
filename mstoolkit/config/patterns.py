"""Regular expressions that a server's text may be searched with: none that can take forever."""

from __future__ import annotations

import re
import warnings
from functools import lru_cache

PATTERN_LENGTH = 500  # characters of a pattern
REPEATS = 2  # wide quantifiers in a pattern: each adds a power of the text's length
WIDE = 20  # a quantifier is wide if it spans more counts than this, or has no bound
HARMLESS = 4  # so often an ambiguous group may be repeated before it counts as unbounded

_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?#[^)]*\)|\(\??|.", re.DOTALL)
_QUANTIFIER = re.compile(r"(?:([*+?])|\{(\d*)(,?)(\d*)\})[?+]?")
_VERBOSE = re.compile(r"\(\?[a-zA-Z]*x")


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str) -> re.Pattern[str]:
    r"""Compile the regular expression of a rule, which ignores case.

    A server chooses the text that is searched, so patterns which can take exponential time are
    refused: a group that is repeated and can itself match in more than one way, as ``(a+)+``. Those
    with two quantifiers that are not bounded still take cubic time: one or two seconds for the most
    misleading thousand characters, a few milliseconds with one.

    Parameters
    ----------
    pattern : str
        At most 500 characters, with at most two quantifiers that are not bounded.

    Raises
    ------
    ValueError
        If it is no regular expression, or one that may take too long.

    Examples
    --------
    >>> bool(compile_pattern(r"\[TSS?04\]").search("messages deferred [ts04]"))
    True
    """
    if len(pattern) > PATTERN_LENGTH:
        raise ValueError(
            f"is a pattern of {len(pattern)} characters; write at most {PATTERN_LENGTH}"
        )
    if _VERBOSE.search(pattern):
        raise ValueError("is a pattern in verbose mode; leave the flag x out")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            compiled = re.compile(pattern, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        raise ValueError(
            f"is not a regular expression ({error}): {pattern!r}; "
            "put a backslash before signs that are meant as such"
        ) from None
    _check_time(pattern)
    return compiled


def _check_time(pattern: str) -> None:
    """Refuse nested quantifiers, and more wide ones than a search bears."""
    ambiguous, wide, position = [False], 0, 0
    while position < len(pattern):
        token = _TOKEN.match(pattern, position)
        assert token is not None  # a pattern that compiles is made of tokens
        position = token.end()
        inside = False
        if token[0] in ("(", "(?"):
            ambiguous.append(False)
            continue
        if token[0] == ")":
            inside = ambiguous.pop()
        least, most, position = _repeats(pattern, position)
        if inside and most > HARMLESS:
            raise ValueError(
                f"may take forever: a repeated group matches in several ways in {pattern!r}; "
                "leave one of the nested quantifiers out"
            )
        ambiguous[-1] |= inside or least != most or token[0] == "|"
        wide += most - least > WIDE
    if wide > REPEATS:
        raise ValueError(
            f"may take long with {wide} quantifiers that are not bounded: {pattern!r}; "
            f"write at most {REPEATS}, or bound them, as .{{0,20}}"
        )


def _repeats(pattern: str, position: int) -> tuple[float, float, int]:
    """Return how often what ends at `position` is repeated, and where its quantifier ends."""
    found = _QUANTIFIER.match(pattern, position)
    if found is None or found[0] == "{}":
        return 1, 1, position
    sign, low, comma, high = found.groups()
    if sign:
        least, most = {"*": (0.0, float("inf")), "+": (1.0, float("inf")), "?": (0.0, 1.0)}[sign]
        return least, most, found.end()
    least = float(low or 0)
    most = float(high) if high else (float("inf") if comma else least)
    return least, most, found.end()
