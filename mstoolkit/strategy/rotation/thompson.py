"""Thompson sampling: mail goes where it is likeliest to be delivered, and tries the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from mstoolkit.model import SplitMix64
from mstoolkit.strategy.rotation.base import C, Candidate, Rotation
from mstoolkit.strategy.rotation.beta import beta_draw
from mstoolkit.strategy.rotation.decayed import DecayedSums

_ROUND = 2.0**40  # draws are compared in these parts, as the last bits of log differ by platform


class ThompsonSampling(Rotation):
    """A delivery rate is drawn for every server from what is known of it; the best draw wins.

    With S delivered and F refused messages, of which exp(-age / tau) is still remembered, the draw
    is from Beta(S + n w / W, F + 1), where w / W is the server's share of the weights of the n that
    are ready. While nothing is known that makes shares follow the weights exactly; the more is
    known the less weights matter; and what is forgotten leads back to them. A server that is not
    tried becomes uncertain, and is tried again.

    Two bounds hold in whatever it believes. *Floor*: a ready server that was passed over is due
    that share of each message; when it is due a whole one it goes first, and when it gets a parcel
    of many, nothing more falls due until those are worked off. Nothing falls due while it is away,
    so that it is not flooded on return. *Ceiling*: while a server has more than that share of the
    messages sent, faded by the same tau, it is left out if another is ready. Among n ready servers
    the floor is at most 1 / n and the ceiling at least that. Where one is ready there is no choice.

    The draws are those of the present state, so that a look uses none up; each choice has a stream
    of its own, and a commitment moves on to the next one. The state is one integer for the draws
    and four numbers a server.

    Parameters
    ----------
    servers : int
        Number of servers in the pool.
    seed : int
        Where the draws begin, usually a `stream_key`.
    tau : float
        Time after which 1/e of an outcome is remembered, s. The default, 48 h, is an assumption
        about how fast reputation moves.
    floor, ceiling : float
        Least and greatest share of the mail. The defaults, 2 % and 60 %, are assumptions: enough
        to keep a server warm, and not all on one.

    Notes
    -----
    Raj and Kalyani, "Taming non-stationary bandits: a Bayesian approach" (arXiv:1707.09727), with
    the discount in continuous time. That draws of Beta(w, 1) are greatest with odds by w follows
    from -log of them being exponential with rate w.

    Examples
    --------
    >>> from mstoolkit.testing import contenders
    >>> rotation, ready = ThompsonSampling(2, seed=1), contenders(1, 1)
    >>> rotation.learn(0, good=10, bad=90, decided_at=0.0, now=60.0)
    >>> rotation.learn(1, good=98, bad=2, decided_at=0.0, now=60.0)
    >>> rotation.split(ready, 100, 60.0)
    [40, 60]
    """

    learns: ClassVar[bool] = True

    def __init__(
        self,
        servers: int,
        seed: int = 0,
        tau: float = 172_800.0,
        floor: float = 0.02,
        ceiling: float = 0.6,
    ) -> None:
        self._draws = SplitMix64(seed)
        self._floor = floor
        self._ceiling = ceiling
        self._good = DecayedSums(servers, tau)
        self._bad = DecayedSums(servers, tau)
        self._sent = DecayedSums(servers, tau)
        self._due = [0.0] * servers

    def choose(self, eligible: Sequence[C], ready: Sequence[C], now: float) -> C | None:
        weighted = [candidate for candidate in ready if candidate.weight > 0]
        if len(weighted) < 2:
            return weighted[0] if weighted else None
        allowed = self._allowed(weighted)
        return allowed[0] if len(allowed) == 1 else self._drawn(allowed, weighted, now)

    def commit(self, chosen: Candidate, n: int, ready: Sequence[Candidate], until: float) -> bool:
        self._sent.add(chosen.index, n, until)
        weighted = [candidate for candidate in ready if candidate.weight > 0]
        if len(weighted) > 1:
            self._draws.next()
            due, floor = self._due, min(self._floor, 1.0 / len(weighted))
            due[chosen.index] = max(due[chosen.index], 0.0) - n
            for candidate in weighted:
                due[candidate.index] += floor * n
        return False

    def learn(self, index: int, good: int, bad: int, decided_at: float, now: float) -> None:
        self._good.add(index, good, decided_at)
        self._bad.add(index, bad, decided_at)

    def _allowed(self, candidates: Sequence[C]) -> Sequence[C]:
        """Return those that are due a message, or else those below the ceiling."""
        due = [candidate for candidate in candidates if self._due[candidate.index] >= 1.0]
        if due:
            return due
        sent = self._sent.values
        most = max(self._ceiling, 1.0 / len(candidates)) * sum(sent)
        below = [candidate for candidate in candidates if sent[candidate.index] <= most]
        return below or candidates

    def _drawn(self, allowed: Sequence[C], ready: Sequence[C], now: float) -> C:
        """Return the one with the greatest draw, the earliest on a tie."""
        draws = SplitMix64(SplitMix64(self._draws.state).next())
        scale = len(ready) / sum([candidate.weight for candidate in ready])
        good, bad = self._good, self._bad
        good_left, bad_left = good.left(now), bad.left(now)
        best, highest = allowed[0], -1
        for candidate in allowed:
            index = candidate.index
            rate = beta_draw(
                max(good.values[index], 0.0) * good_left + candidate.weight * scale,
                max(bad.values[index], 0.0) * bad_left + 1.0,
                draws,
            )
            rounded = round(rate * _ROUND)
            if rounded > highest:
                best, highest = candidate, rounded
        return best

    def snapshot(self) -> dict[str, Any]:
        return {
            "draws": self._draws.state,
            "due": list(self._due),
            "good": self._good.snapshot(),
            "bad": self._bad.snapshot(),
            "sent": self._sent.snapshot(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self._draws.state = int(state["draws"])
        self._due = [float(value) for value in state["due"]]
        self._good.restore(state["good"])
        self._bad.restore(state["bad"])
        self._sent.restore(state["sent"])
