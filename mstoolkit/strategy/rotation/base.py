"""What a rotation is: the choice among candidates, the only part of a policy that keeps score.

Law: while weights and candidates stand, ``split(n)`` equals ``n`` times ``split(1)``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Protocol, TypeVar


class Candidate(Protocol):
    """What a rotation may know of a path: its server's number and tier, and its present weight."""

    index: int
    weight: float
    tier: int


C = TypeVar("C", bound=Candidate)


class Rotation(ABC):
    """Chooses which candidate carries the next messages.

    ``scope`` says how many instances a dispatcher holds: one an ISP, so that shares hold at every
    ISP, or one for the pool, where all mail moves from server to server together. ``waits``
    says that it may choose nobody although somebody is ready; ``counts_load`` asks for `settle`
    when messages are no longer in flight, ``learns`` for `learn` when outcomes are known; ``keyed``
    says that a message whose key is known has a server of its own (`StickyHash.home`).
    """

    scope: ClassVar[Literal["isp", "pool"]] = "isp"
    waits: ClassVar[bool] = False
    counts_load: ClassVar[bool] = False
    learns: ClassVar[bool] = False
    keyed: ClassVar[bool] = False

    @abstractmethod
    def choose(self, eligible: Sequence[C], ready: Sequence[C], now: float) -> C | None:
        """Return the candidate to send from, or None to wait for one; changes nothing.

        Parameters
        ----------
        eligible : sequence of Candidate
            All that may be used, sorted by index.
        ready : sequence of Candidate
            Those of them that could send at once, sorted by index, at least one. A work-conserving
            rotation looks at these only.
        now : float
            Scenario time, s.
        """

    def home(self, key: str, eligible: Sequence[C]) -> C | None:
        """Return the candidate that a key belongs to, where the rotation is `keyed`.

        Parameters
        ----------
        key : str
            What is to keep its server: a recipient, a domain.
        eligible : sequence of Candidate
            All that may be used, busy or not, sorted by index.
        """
        return self.choose(eligible, eligible, 0.0) if eligible else None

    def commit(self, chosen: Candidate, n: int, ready: Sequence[Candidate], until: float) -> bool:
        """Charge `chosen` with `n` messages; `ready` are the candidates it was chosen from.

        Parameters
        ----------
        chosen : Candidate
            What `choose` returned.
        n : int
            Number of messages.
        ready : sequence of Candidate
            What it was chosen from.
        until : float
            Scenario time (s) at which the last of the messages leaves.

        Returns
        -------
        bool
            Whether queues that were told to wait may be told otherwise now.
        """
        return False

    def settle(self, index: int, n: int) -> None:  # noqa: B027 (most need not know)
        """Take note that `n` messages of server `index` are no longer in flight."""

    def learn(  # noqa: B027 (most need not know)
        self, index: int, good: int, bad: int, decided_at: float, now: float
    ) -> None:
        """Take note of outcomes of server `index`; they may come late and in any order.

        Parameters
        ----------
        index : int
            Number of the server that carried the messages.
        good : int
            Messages that were delivered; below 0 to take back what was told before, because a DSN
            came after all.
        bad : int
            Refusals that the path is to blame for. What the list is to blame for (an unknown user,
            a full mailbox) teaches nothing and is not told.
        decided_at : float
            Scenario time (s) at which the messages were sent.
        now : float
            Scenario time (s) at which it became known.
        """

    def rescale(self, factor: float) -> None:  # noqa: B027 (most keep no score in weights)
        """Take note that the sum of all weights has become so many times what it was.

        Learned weights are weighed anew from time to time, and whole ones may be 71 and 29 once,
        and 1 and 1 then. A score that is kept in units of weights would be worth many messages.

        Parameters
        ----------
        factor : float
            The new sum over the old one, above 0.
        """

    def next_change(self, now: float) -> float | None:
        """Return when (s) the choice changes by itself, or None."""
        return None

    def split(self, candidates: Sequence[Candidate], n: int, now: float) -> list[int]:
        """Choose `n` times among ready candidates.

        Parameters
        ----------
        candidates : sequence of Candidate
            Eligible and ready, sorted by index.
        n : int
            Number of messages.
        now : float
            Scenario time, s.

        Returns
        -------
        list of int
            Messages for each candidate, in their order; sums to `n` unless the rotation waits.
        """
        counts = [0] * len(candidates)
        position = {candidate.index: k for k, candidate in enumerate(candidates)}
        for _ in range(n):
            chosen = self.choose(candidates, candidates, now)
            if chosen is None:
                break
            self.commit(chosen, 1, candidates, now)
            counts[position[chosen.index]] += 1
        return counts

    def snapshot(self) -> dict[str, Any]:
        """Return the state as JSON-able values."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:  # noqa: B027 (some keep no score)
        """Take over a state that `snapshot` returned."""
