"""The public suites catch what they are for: broken rotations, senders and profiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from mstoolkit.config import Policy, Profile, Server, load_profile
from mstoolkit.config.pacing import Pacing
from mstoolkit.config.rotation import RoundRobinSpec
from mstoolkit.model import (
    Command,
    Enqueued,
    Event,
    Finish,
    Lot,
    Parcel,
    PoolChanged,
    Replied,
    Send,
    Suspended,
    Tick,
)
from mstoolkit.strategy.rotation import Candidate, Rotation, RoundRobin, SmoothWeighted
from mstoolkit.strategy.rotation.base import C
from mstoolkit.testing import (
    OK,
    BrokenPromiseError,
    ProviderSuite,
    Rehearsal,
    RotationSuite,
    small_scenario,
)

LOT = Lot(0, "spring", "spring", "marketing", "gmail", "active", 1e9)


class Restless(RoundRobin):
    """Looking moves it on."""

    def choose(self, eligible: Sequence[C], ready: Sequence[C], now: float) -> C | None:
        chosen = super().choose(eligible, ready, now)
        if chosen is not None:
            self._last = chosen.index
        return chosen


class Impatient(RoundRobin):
    """It takes who is not ready."""

    def choose(self, eligible: Sequence[C], ready: Sequence[C], now: float) -> C | None:
        return super().choose(eligible, eligible, now)


class Lazy(RoundRobin):
    """It waits for ever."""

    def choose(self, eligible: Sequence[C], ready: Sequence[C], now: float) -> C | None:
        return None


class Forgetful(RoundRobin):
    """Its state does not come back."""

    def restore(self, state: Mapping[str, Any]) -> None:
        return


class Owing(RoundRobin):
    """It splits as no sequence of single choices would."""

    def split(self, candidates: Sequence[Candidate], n: int, now: float) -> list[int]:
        return [n, *(0 for _ in candidates[1:])]


class Stuck(RoundRobin):
    """It promises a change that is over already."""

    def next_change(self, now: float) -> float | None:
        return now


class Unfair(RoundRobin):
    """It claims to follow weights and does not."""


def laws() -> list[str]:
    return [name for name in dir(RotationSuite) if name.startswith("test_")]


def broken(rotation: Callable[[], Rotation], **traits: Any) -> set[str]:
    """Return the laws that a rotation breaks."""
    suite = type("Suite", (RotationSuite,), {"make": lambda *_: rotation(), **traits})()
    failed = set()
    for law in laws():
        try:
            getattr(suite, law)()
        except AssertionError as error:
            failed.add(law if str(error) else f"{law} fails without a word")
    return failed


@pytest.mark.parametrize(
    ("rotation", "law"),
    [
        (Restless, "test_choosing_changes_nothing"),
        (Impatient, "test_only_ready_candidates_are_chosen"),
        (Lazy, "test_the_last_candidate_is_chosen"),
        (Forgetful, "test_a_restored_rotation_goes_on_alike"),
        (Owing, "test_split_of_many_is_many_choices"),
        (Stuck, "test_a_change_by_itself_lies_ahead"),
    ],
)
def test_a_broken_rotation_is_caught(rotation: type[RoundRobin], law: str) -> None:
    """Each law is broken by the rotation that was made to break it, and says so in words."""
    assert law in broken(rotation)


def test_wrong_shares_and_catching_up_are_caught() -> None:
    """What is claimed of weights and bursts is checked."""
    assert broken(Unfair, weighted=True) >= {"test_shares_follow_the_weights"}
    assert not broken(lambda: SmoothWeighted(4), weighted=True, burst=1)

    class Generous(SmoothWeighted):
        """Who is away goes on earning credit."""

        def commit(self, chosen: Candidate, n: int, ready: Sequence[Candidate], *rest: Any) -> bool:
            for index in range(len(self._score)):
                if index not in {candidate.index for candidate in ready}:
                    self._score[index] += 1.0
            return super().commit(chosen, n, ready, *rest)

    failed = broken(lambda: Generous(4), weighted=True, burst=1)
    assert "test_nobody_catches_up_on_return" in failed


def test_a_broken_profile_is_caught() -> None:
    """Codes of the wrong family and words that mean something else are found."""

    class Mine(ProviderSuite):
        def make(self) -> Profile:
            gmail = load_profile("gmail")
            wrong = gmail.replies.throttled.model_copy(update={"code": 550, "text": "no such user"})
            replies = gmail.replies.model_copy(update={"throttled": wrong})
            return gmail.model_copy(update={"replies": replies})

    with pytest.raises(AssertionError, match=r"replies\.throttled is read as invalid_recipient"):
        Mine().test_replies_mean_what_they_are_for()
    with pytest.raises(AssertionError, match=r"replies\.throttled is 550"):
        Mine().test_codes_say_whether_to_try_again()


# -- the rehearsal


def rehearsal(meddle: Callable[[Event, list[Command]], list[Command]]) -> Rehearsal:
    """Return a rehearsal of a dispatcher whose commands are meddled with."""
    policy = Policy(
        rotation=RoundRobinSpec(kind="round-robin"),
        pacing=Pacing(rate=100.0, burst=100, connections=2, messages_per_connection=3),
    )
    play = Rehearsal({"a": Server(), "b": Server()}, policy)
    handle = play.dispatcher.handle

    def meddled(event: Event) -> list[Command]:
        return meddle(event, handle(event))

    play.dispatcher.handle = meddled  # type: ignore[method-assign]
    return play


def only_first(change: Callable[[Send], list[Command]]) -> Callable[[Event, list[Command]], Any]:
    """Meddle with the first attempt of each event."""

    def meddle(event: Event, commands: list[Command]) -> list[Command]:
        out: list[Command] = []
        for command in commands:
            if isinstance(command, Send) and not any(isinstance(c, Send) for c in out):
                out += change(command)
            else:
                out.append(command)
        return out

    return meddle


def resent(send: Send, **changes: Any) -> Send:
    fields = {name: getattr(send, name) for name in Send.__slots__}
    return Send(**{**fields, **changes})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda send: [send, resent(send, token=send.token + 1)], "busy"),
        (lambda send: [resent(send, token=send.token + 5)], "token"),
        (lambda send: [resent(send, fresh=False)], "not open"),
        (lambda send: [resent(send, slots=9)], "connections"),
        (lambda send: [resent(send, isp="yahoo")], "sent to yahoo"),
        (lambda send: [Suspended(send.server, "", 9.0, "x"), send], "suspended"),
        (lambda send: [Suspended(send.server, send.isp, 9.0, "x"), send], "suspended"),
        (lambda send: [Finish(send.parcel, "expired", send.parcel.n, "x"), send], "finished"),
    ],
)
def test_a_broken_promise_is_caught(change: Callable[[Send], list[Command]], words: str) -> None:
    """Each thing that a sender must not do is noticed at once, in words."""
    play = rehearsal(only_first(change))
    with pytest.raises(BrokenPromiseError, match=words):
        play.tell(Enqueued(0.0, Parcel(LOT, 0, 10)))


def test_mail_to_a_drained_server_is_caught() -> None:
    """After a drain nothing may go there."""
    play = rehearsal(only_first(lambda send: [resent(send, server="a")]))
    play.tell(PoolChanged(0.0, "a", "drained"))
    with pytest.raises(BrokenPromiseError, match="drained"):
        play.tell(Enqueued(0.0, Parcel(LOT, 0, 1)))


def test_unbalanced_books_are_caught() -> None:
    """An attempt that is not carried out is missed in the books."""
    play = rehearsal(lambda event, commands: commands[1:])
    with pytest.raises(BrokenPromiseError):
        play.tell(Enqueued(0.0, Parcel(LOT, 0, 1)))


def test_work_left_behind_is_caught() -> None:
    """A wake-up that is not later than the event is due work left behind."""
    play = rehearsal(lambda event, commands: commands)
    play.dispatcher.next_wakeup = lambda: 3.0  # type: ignore[method-assign]
    with pytest.raises(BrokenPromiseError, match="left behind"):
        play.tell(Tick(3.0))


def test_a_rehearsal_keeps_a_log_and_takes_answers_by_hand() -> None:
    """What is not answered by rule stays open until it is told."""
    play = rehearsal(lambda event, commands: commands)
    play.answer = lambda now, send: None
    play.tell(Enqueued(0.0, Parcel(LOT, 0, 1)))
    play.run(1.0)
    assert list(play.open) == [0]
    play.later(Replied(5.0, 0, ((OK, 1),)))
    play.run(4.0)
    assert play.totals["in_flight"] == 1
    play.run(6.0)
    assert (play.now, play.totals["delivered"]) == (5.0, 1)
    assert [(at, type(c).__name__) for at, c in play.all(Send)] == [(0.0, "Send")]
    assert len(play.log) == 2


def test_the_small_scenario_is_what_it_says() -> None:
    """Six strategies, three unequal servers, an outage that can be left out."""
    scenario = small_scenario(100, outages=False)
    assert len(scenario.strategies) == 6
    assert len(scenario.servers) == 3
    assert not scenario.outages
    assert small_scenario().outages
    assert scenario.audience.size == 100
