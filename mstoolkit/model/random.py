"""Named random streams whose state is one integer, and keys alike in every process."""

from __future__ import annotations

from hashlib import blake2b

GOLDEN = 0x9E3779B97F4A7C15  # 2^64 / golden ratio, the step from one state to the next
_MASK = (1 << 64) - 1


def stream_key(*parts: object) -> int:
    """Return the 64-bit key of a named stream, the same in every process.

    Parameters
    ----------
    *parts : object
        Seed, purpose and whatever else names the stream; their ``str`` is hashed (BLAKE2b-64).

    Examples
    --------
    >>> stream_key(1, "outages") == stream_key(1, "outages")
    True
    """
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


class SplitMix64:
    """Steele, Lea and Flood's SplitMix64 (2014): one integer of state, so that snapshots are small.

    Parameters
    ----------
    state : int
        Start, usually `stream_key(seed, name)`.

    Examples
    --------
    >>> SplitMix64(0).next()
    16294208416658607535
    """

    __slots__ = ("state",)

    def __init__(self, state: int) -> None:
        self.state = state & _MASK

    def next(self) -> int:
        """Return the next 64-bit integer."""
        self.state = (self.state + GOLDEN) & _MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return z ^ (z >> 31)

    def uniform(self) -> float:
        """Return a float in [0, 1) with 53 random bits."""
        return (self.next() >> 11) * 2.0**-53

    def below(self, n: int) -> int:
        """Return an integer in [0, n)."""
        return self.next() % n
