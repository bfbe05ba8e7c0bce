"""What each recipient is and does: draws keyed by seed, purpose, recipient and attempt.

Two strategies ask in different orders and still meet the same audience. Known messages (a range of
a list) look their own draws up; counted ones draw afresh, keyed by the parcel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from mstoolkit.config import Profile, Scenario, Segment
from mstoolkit.config.mailing import Mailing
from mstoolkit.isp.content import refused as refused_for_content
from mstoolkit.model import Parcel, SplitMix64, stream_key
from mstoolkit.model.random import GOLDEN

Floats = NDArray[np.float64]
Ints = NDArray[np.int8]
Loud = tuple[list[int], list[int], list[float], list[float]]
_T = TypeVar("_T")
LIVE, UNKNOWN, FULL, TRAP, RECYCLED = range(5)  # what an address is
REJECTED_AT_WORST = 20.0  # spam_rejected grows by so many times itself as reputation falls to 0
SERVICE_SIGMA = 0.35  # spread of a provider's working time (log-normal); an assumption
Purpose = Literal["address", "reply", "tail", "open", "delay", "machine", "service", "greylist"]
_GOLDEN, _MIX_1, _MIX_2 = map(np.uint64, (GOLDEN, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_S30, _S27, _S31, _S11 = map(np.uint64, (30, 27, 31, 11))
TOGETHER: tuple[Purpose, ...] = ("address", "reply", "tail")  # what one attempt is answered by
KINDS = (UNKNOWN, FULL, TRAP, RECYCLED, LIVE)  # by address draw, between a segment's limits
_NORMAL = frozenset({"delay", "service"})


class People:
    """What single messages of one list look up, by position.

    ``address`` is 0 (live), 1 (unknown user), 2 (mailbox full), 3 or 4 (a pristine or recycled spam
    trap), a lasting property of the recipient. ``quiet`` is 1 where a first attempt cannot meet
    anything but acceptance without news, whatever the sender's reputation, so that the provider
    need not look further. All others are ``loud``: lists of their positions, addresses, reply draws
    and tail draws.
    """

    __slots__ = ("address", "loud", "quiet")

    def __init__(
        self, address: Ints, quiet: NDArray[np.bool_], reply: Floats, tail: Floats
    ) -> None:
        self.address = address
        self.quiet = quiet.tobytes()
        where = np.flatnonzero(~quiet)
        self.loud: Loud = (
            where.tolist(),
            address[where].tolist(),
            reply[where].tolist(),
            tail[where].tolist(),
        )


class _ByList(dict[str, _T]):
    """Values by list, drawn when first asked for."""

    def __init__(self, draw: Callable[[str], _T]) -> None:
        super().__init__()
        self._draw = draw

    def __missing__(self, name: str) -> _T:
        drawn = self[name] = self._draw(name)
        return drawn


class Draws:
    """Draws of a scenario's audience.

    Parameters
    ----------
    scenario : Scenario
        Whose lists, segments and providers.
    seed : int
        Same seed, same audience, whatever the strategy.

    Attributes
    ----------
    people : dict of str to People
        What messages of a list look up; a list is drawn when it is first asked for.
    stretch : dict of str to array
        Multiplies the provider's working time, by position in the list.
    """

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self._seed = seed
        self._scenario = scenario
        self._mailing = Mailing(scenario)
        self._sizes = self._mailing.sizes
        self._counted: tuple[tuple[int, ...], Floats] = ((), np.zeros(0))
        self._keys: dict[tuple[str, int], int] = {}
        self._arrays: dict[tuple[Purpose, str], Floats] = {}
        self.people = _ByList(self._look_up)
        self.stretch = _ByList(self._stretch)

    def _look_up(self, name: str) -> People:
        address = np.zeros(self._sizes[name], np.int8)
        quiet = np.zeros(self._sizes[name], bool)
        drawn, reply, tail = (self.array(purpose, name) for purpose in TOGETHER)
        for part, segment, profile, score in self._parts(name):
            address[part] = kinds(drawn[part], segment)
            quiet[part] = ~loud(drawn[part], reply[part], tail[part], segment, profile, score)
        return People(address, quiet, reply, tail)

    def _stretch(self, name: str) -> Floats:
        normal = self.array("service", name)
        return np.asarray(np.exp(SERVICE_SIGMA * normal - SERVICE_SIGMA**2 / 2))

    def _parts(self, name: str) -> Iterator[tuple[slice, Segment, Profile, float]]:
        """Yield the parts of a list that are alike to everybody, with their spam score."""
        for block in self._mailing.blocks:
            lot = block.lot
            if lot.list == name:
                part = slice(block.first, block.first + block.n)
                segment = self._scenario.audience.segments[lot.segment]
                score = self._scenario.campaigns[lot.campaign].content
                yield part, segment, self._scenario.isps[lot.isp], score

    def array(self, purpose: Purpose, name: str) -> Floats:
        """Return the draws of a whole list, by position: uniform in [0, 1), or standard normal."""
        key = (purpose, name)
        known = self._arrays.get(key)
        if known is None:
            rng = np.random.default_rng(stream_key(self._seed, *key))
            size = self._sizes[name]
            known = rng.standard_normal(size) if purpose in _NORMAL else rng.random(size)
            self._arrays[key] = known
        return known

    def of(self, purpose: Purpose, parcel: Parcel) -> Floats:
        """Return the draws of a parcel's messages."""
        if parcel.first >= 0:
            array = self.array(purpose, parcel.lot.list)
            return array[parcel.first : parcel.first + parcel.n]
        n = parcel.n
        key = (parcel.lot.id, parcel.attempt, parcel.parent, n)
        if purpose in _NORMAL:
            u = _uniforms(stream_key(self._seed, purpose, *key), 2 * n)
            radius = np.sqrt(-2.0 * np.log1p(-u[:n]))
            normals: Floats = radius * np.cos(2.0 * np.pi * u[n:])
            return normals
        if purpose not in TOGETHER:
            return _uniforms(stream_key(self._seed, purpose, *key), n)
        if key != self._counted[0]:
            u = _uniforms(stream_key(self._seed, "counted", *key), len(TOGETHER) * n)
            self._counted = (key, u)
        start = TOGETHER.index(purpose) * n
        return self._counted[1][start : start + n]

    def reply(self, name: str, index: int, attempt: int) -> float:
        """Return the draw that decides the answer to one attempt at one recipient."""
        if not attempt:
            return self.array("reply", name).item(index)
        key = self._keys.get((name, attempt))
        if key is None:
            key = self._keys[name, attempt] = stream_key(self._seed, "reply", name, attempt)
        return SplitMix64(key + index * GOLDEN).uniform()

    def replies(self, parcel: Parcel) -> Floats:
        """Return the draws that decide the answers to one attempt at a parcel."""
        if parcel.first < 0 or not parcel.attempt:
            return self.of("reply", parcel)
        name, attempt = parcel.lot.list, parcel.attempt
        indices = range(parcel.first, parcel.first + parcel.n)
        return np.array([self.reply(name, index, attempt) for index in indices])


def limits(segment: Segment) -> list[float]:
    """Return the address draws that part the kinds of addresses from one another."""
    return list(accumulate([segment.unknown, segment.full, segment.traps, segment.recycled]))


def kinds(drawn: Floats, segment: Segment) -> Ints:
    """Return what addresses are, by their draws."""
    found = np.full(len(drawn), LIVE, np.int8)
    bounds = limits(segment)
    for kind, limit, below in zip(KINDS[3::-1], bounds[::-1], [*bounds[2::-1], 0.0], strict=True):
        if limit > below:
            found[drawn < limit] = kind
    return found


def loud(
    address: Floats,
    reply: Floats,
    tail: Floats,
    segment: Segment,
    profile: Profile,
    score: float = 0.0,
) -> NDArray[np.bool_]:
    """Tell by draws which messages may meet more than acceptance without news, at the worst."""
    refused = profile.busy + profile.spam_rejected * (1.0 + REJECTED_AT_WORST)
    if score:
        refused += refused_for_content(score, profile.content)
    news = profile.dsn + segment.complaints + segment.unsubscribes
    special = segment.unknown + segment.full + segment.traps + segment.recycled
    return (address < special) | (reply < refused) | (tail < news)


def _uniforms(key: int, n: int) -> Floats:
    """Return the first `n` draws of a SplitMix64 stream, all at once."""
    z = _GOLDEN * np.arange(1, n + 1, dtype=np.uint64) + np.uint64(key)
    z = (z ^ (z >> _S30)) * _MIX_1
    z = (z ^ (z >> _S27)) * _MIX_2
    z ^= z >> _S31
    return np.asarray((z >> _S11) * 2.0**-53, np.float64)
