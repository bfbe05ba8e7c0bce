"""The laws of a meter, as tests to inherit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import ClassVar, NamedTuple

from mstoolkit.model import SplitMix64, stream_key
from mstoolkit.strategy.pacing import Meter

_WALKS = 25  # pasts that a meter is taken through before a law is tried
_CHARGES = 30
_EPS = 1e-6  # s within which times are compared
_MOST = 10**6


class Charge(NamedTuple):
    """A parcel that was taken: `n` messages at a time (s), over a span (s); some were not sent."""

    n: int
    at: float
    span: float
    sent: int


class MeterSuite:
    """Laws that every meter keeps; derive a class whose name begins with ``Test``.

    Each law is tried after many pasts: walks in which messages are taken as soon as they may or
    later, one by one or many at once, and some are given back. They are drawn from a fixed stream,
    so that a failure comes again.

    Attributes
    ----------
    pause : float
        Longest time (s) that is waited for no reason; choose it so that a walk of about thirty
        charges meets what the meter is about, as a window's end.
    parcel : int
        Largest parcel that is taken.
    additive : bool
        Whether taking many at once is, by the meter's definition, taking one after the other as
        soon as each may leave; then it is checked.

    Examples
    --------
    >>> from mstoolkit.strategy.pacing import SlidingWindow
    >>> class TestMine(MeterSuite):
    ...     def make(self):
    ...         return SlidingWindow(5, 60.0)
    ...     def most(self, start, end):
    ...         return 5 if end - start <= 60.0 else 10**9
    >>> TestMine().test_the_envelope_is_kept()
    """

    pause: ClassVar[float] = 60.0
    parcel: ClassVar[int] = 9
    additive: ClassVar[bool] = True

    def make(self) -> Meter:
        """Return a fresh meter; override this."""
        raise NotImplementedError

    def most(self, start: float, end: float) -> float:
        """Return how many messages may leave in the time from start to before end (s).

        Override this with what the meter promises.
        """
        raise NotImplementedError

    # -- laws

    def test_the_envelope_is_kept(self) -> None:
        """No time sees more messages than `most` says, whatever was given back in between."""
        for number in range(_WALKS):
            rng = self._stream(number)
            times = sorted(
                time for charge in self._walk(self.make(), rng, 0.0) for time in _times(charge)
            )
            for first, start in enumerate(times):
                for last in range(first, len(times)):
                    end, n = times[last] + _EPS, last - first + 1
                    allowed = self.most(start, end)
                    assert n <= allowed + _EPS, f"{n} messages in [{start}, {end}), not {allowed}"

    def test_a_look_changes_nothing(self) -> None:
        """Asking leaves the state alone, and asking again says the same."""
        for rng, meter, now in self._pasts():
            before = json.dumps(meter.snapshot())
            n = 1 + rng.below(self.parcel)
            first = [meter.ready_at(now), meter.room(now, n), self._end(meter, n, now)]
            again = [meter.ready_at(now), meter.room(now, n), self._end(meter, n, now)]
            assert first == again, f"a second look says {again}, not {first}"
            assert json.dumps(meter.snapshot()) == before, "a look changed the state"

    def test_waiting_helps(self) -> None:
        """Who waits until the time that was named gets through, and the time is not over yet."""
        for _, meter, now in self._pasts():
            ready = meter.ready_at(now)
            assert ready >= now, f"at {now} a message is promised for {ready}"
            assert meter.ready_at(ready) == ready, f"{ready} was promised and did not hold"
            assert meter.room(ready, 1) == 1, f"there is no room at {ready}, which was promised"

    def test_there_is_room_exactly_when_ready(self) -> None:
        """Room is from 0 to what was asked for, and 0 exactly when nothing is ready."""
        for rng, meter, now in self._pasts():
            ready = meter.ready_at(now)
            for at in (now, ready, (now + ready) / 2, ready + self.pause * rng.uniform()):
                most = 1 + rng.below(self.parcel)
                room = meter.room(at, most)
                assert 0 <= room <= most, f"room for {room} of {most}"
                assert (room == 0) == (meter.ready_at(at) > at), f"room for {room} at {at}"
                assert room <= meter.room(at, most + 1), "there is less room for more"

    def test_a_parcel_leaves_when_it_was_said(self) -> None:
        """The span is never negative and ends when `leaves` says, unless a longer one is wanted."""
        for rng, meter, now in self._pasts():
            now, n = self._wait(meter, rng, now)
            wanted = self.pause * rng.uniform()
            span = meter.leaves(n, now) - now
            given = self._copy(meter).commit(n, now)
            assert given >= 0.0, f"a span of {given} s"
            assert abs(given - span) <= _EPS, f"a span of {given} s, and {span} s was said"
            longer = meter.commit(n, now, wanted)
            assert abs(longer - max(wanted, span)) <= _EPS, f"{longer} s, not {wanted} or {span}"

    def test_many_are_as_many_ones(self) -> None:
        """Where `additive`: a parcel is its messages one by one, each as soon as it may leave."""
        for rng, meter, now in self._pasts() if self.additive else ():
            now, n = self._wait(meter, rng, now)
            one_by_one, at = self._copy(meter), now
            for _ in range(n):
                at = one_by_one.ready_at(at)
                one_by_one.commit(1, at)
            end = now + meter.commit(n, now)
            assert abs(end - at) <= _EPS, f"{n} at once leave until {end}, one by one until {at}"
            self._assert_alike(meter, one_by_one, max(at, end), rng)

    def test_a_fresh_charge_can_be_taken_back(self) -> None:
        """Giving all of it back leaves what was there before; a part (`additive`): as if unasked.

        That holds for a parcel that another limit spreads, too.
        """
        for rng, meter, now in self._pasts():
            now, n = self._wait(meter, rng, now)
            spread, before = self._copy(meter), self._copy(meter)
            span = meter.commit(n, now)
            longer = spread.commit(n, now, self.pause * rng.uniform())
            back = n - rng.below(n) if self.additive else n
            meter.refund(back, now, span)
            spread.refund(n, now, longer)
            self._assert_alike(spread, before, now, rng)
            if back < n:
                before.commit(n - back, now)
            self._assert_alike(meter, before, now, rng)

    def test_a_restored_meter_goes_on_alike(self) -> None:
        """A snapshot survives JSON, and from there on both do the same."""
        for rng, meter, now in self._pasts():
            other = self._copy(meter)
            assert other.snapshot() == meter.snapshot(), "restored to another state"
            twin = SplitMix64(rng.state)
            mine = list(self._walk(meter, rng, now))
            assert list(self._walk(other, twin, now)) == mine, "the two part"

    def test_a_clock_that_goes_back_only_tightens(self) -> None:
        """Right after a charge, an earlier time has no more room, and names no earlier time."""
        for rng, meter, now in self._pasts():
            now, n = self._wait(meter, rng, now)
            meter.commit(n, now)
            ready = meter.ready_at(now)
            for back in (_EPS, self.pause * rng.uniform(), 10 * self.pause * rng.uniform()):
                earlier = meter.room(now - back, _MOST)
                assert earlier <= meter.room(now, _MOST), f"{earlier} may leave {back} s before"
                if ready > now:
                    named = meter.ready_at(now - back)
                    assert named >= ready - _EPS, f"ready at {named} instead of {ready}"

    # -- pasts

    def _stream(self, number: int) -> SplitMix64:
        return SplitMix64(stream_key(number, type(self).__name__))

    def _pasts(self) -> Iterator[tuple[SplitMix64, Meter, float]]:
        for number in range(_WALKS):
            rng, meter = self._stream(number), self.make()
            charges = self._walk(meter, rng, 0.0)
            yield rng, meter, max((each.at + each.span for each in charges), default=0.0)

    def _walk(self, meter: Meter, rng: SplitMix64, now: float) -> list[Charge]:
        """Take messages as they may leave, and give some back; return what was really sent."""
        charges: list[Charge] = []
        hurry = 0.5 + 0.5 * rng.uniform()
        for _ in range(rng.below(_CHARGES)):
            if rng.uniform() > hurry:
                now += self.pause * rng.uniform()
            now, n = self._wait(meter, rng, now)
            span = meter.commit(n, now, self.pause * rng.uniform() if rng.uniform() < 0.1 else 0.0)
            charges.append(Charge(n, now, span, n))
            if rng.uniform() < 0.3:
                now = max(now, _give_back(meter, charges, rng))
        return charges

    def _wait(self, meter: Meter, rng: SplitMix64, now: float) -> tuple[float, int]:
        """Return when something may leave, and a parcel that may leave then."""
        now = meter.ready_at(now)
        n = meter.room(now, 1 + rng.below(self.parcel))
        assert n > 0, f"there is no room at {now}, which was promised"
        return now, n

    def _end(self, meter: Meter, n: int, now: float) -> float:
        """Return when what may leave of `n` messages has left."""
        room = meter.room(now, n)
        return meter.leaves(room, now) if room else now

    def _copy(self, meter: Meter) -> Meter:
        other = self.make()
        other.restore(json.loads(json.dumps(meter.snapshot())))
        return other

    def _assert_alike(self, one: Meter, other: Meter, now: float, rng: SplitMix64) -> None:
        """Assert that two meters answer alike, from now on and while both are charged alike."""
        one, other = self._copy(one), self._copy(other)
        for _ in range(5):
            now += self.pause * rng.uniform()
            first, second = one.ready_at(now), other.ready_at(now)
            assert abs(first - second) <= _EPS, f"one is ready at {first}, the other at {second}"
            now = max(first, second) + _EPS
            n = 1 + rng.below(self.parcel)
            rooms = one.room(now, n), other.room(now, n)
            assert rooms[0] == rooms[1], f"room for {rooms[0]} in one, for {rooms[1]} in the other"
            one.commit(rooms[0], now)
            other.commit(rooms[0], now)


def _times(charge: Charge) -> list[float]:
    """Return when each message that was sent left: the first at once, the last with the span."""
    apart = charge.span / max(1, charge.n - 1)
    return [charge.at + k * apart for k in range(charge.sent)]


def _give_back(meter: Meter, charges: list[Charge], rng: SplitMix64) -> float:
    """Give the tail of a charge back, of the last one as a rule; return when the rest has left."""
    index = len(charges) - 1 if rng.uniform() < 0.5 else rng.below(len(charges))
    charge = charges[index]
    if charge.sent:
        sent = rng.below(charge.sent)
        meter.refund(charge.sent - sent, charge.at, charge.span)
        charge = charges[index] = charge._replace(sent=sent)
    return max(_times(charge), default=charge.at)
