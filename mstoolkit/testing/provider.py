"""The laws of a mailbox provider, as tests to inherit: for a profile of your own."""

from __future__ import annotations

import json
from typing import Any

from mstoolkit.config import Profile, Scenario
from mstoolkit.config.mailing import Mailing
from mstoolkit.isp import Attempt, Draws, Provider, Verdict
from mstoolkit.mail import classify
from mstoolkit.model import Parcel, Reply
from mstoolkit.testing.scenario import small_scenario

_MEANS = {
    "throttled": {"throttle"},
    "busy": {"temp_server"},
    "full": {"mailbox_full"},
    "unknown": {"invalid_recipient"},
    "blocked": {"block_ip"},
    "spam": {"spam", "policy", "content"},
    "connections": {"throttle"},
}
_GREYLISTED = "greylist"
_GAP = 400.0  # s between two attempts: longer than greylists wait, shorter than anything else
_STEPS = 60
_TEMPORARY = ("throttled", "busy", "full", "connections")
_FINAL = ("unknown", "blocked", "spam")


class ProviderSuite:
    """What the simulator and the sender rely on; derive a class whose name begins with ``Test``.

    `make` gives the profile; for a model of your own, `provider` gives that.

    Examples
    --------
    >>> from mstoolkit.config import load_profile
    >>> class TestMine(ProviderSuite):
    ...     def make(self):
    ...         return load_profile("gmail")
    >>> TestMine().test_replies_mean_what_they_are_for()
    """

    source = "192.0.2.1"

    def make(self) -> Profile:
        """Return the profile; override this."""
        raise NotImplementedError

    def provider(self, scenario: Scenario, *, warm: float = 0.5) -> Any:
        """Return a provider with the scenario's profile of ``gmail`` and the source so warm.

        Override this for a model of your own class: it has the verbs of `isp.Provider`.
        """
        segments, profile = scenario.audience.segments, scenario.isps["gmail"]
        return Provider("gmail", profile, segments, {self.source: warm})

    def test_replies_mean_what_they_are_for(self) -> None:
        """The sender's classifier reads each refusal as what the profile means by it."""
        replies = self.make().replies
        for name, means in _MEANS.items():
            text = getattr(replies, name)
            category = classify(Reply(text.code, text.status, text.text))
            assert category in means, f"replies.{name} is read as {category}: {text.text}"

    def test_codes_say_whether_to_try_again(self) -> None:
        """Acceptance is 2xx; throttles, full and busy are 4xx; dead, blocked and spam are 5xx."""
        replies = self.make().replies
        assert replies.accepted.code // 100 == 2, f"replies.accepted is {replies.accepted.code}"
        for names, family in ((_TEMPORARY, 4), (_FINAL, 5)):
            for name in names:
                text = getattr(replies, name)
                assert text.code // 100 == family, f"replies.{name} is {text.code}"
                assert text.status.startswith(("", f"{family}.")), f"{name}: {text.status}"

    def test_figures_are_in_order(self) -> None:
        """A cautious limit is below the ceiling, bad placement below good."""
        profile = self.make()
        assert profile.rate.cautious <= profile.rate.ceiling, "rate: cautious is above ceiling"
        assert profile.placement.worst <= profile.placement.best, "placement: worst above best"
        assert profile.busy + profile.spam_rejected + profile.dsn < 1, "shares above 1"

    def test_connections_are_counted(self) -> None:
        """As many connections as the profile says are admitted, one more is not, until one ends."""
        profile = self.make()
        provider = self.provider(self._scenario(), warm=1.0)
        assert provider.connect(0.0, self.source, profile.connections.ceiling).code == 220
        refused = provider.connect(0.0, self.source)
        assert refused.code == profile.replies.connections.code, f"admitted: {refused}"
        provider.disconnect(self.source)
        assert provider.connect(0.0, self.source).code == 220

    def test_a_warm_address_has_a_higher_limit_than_a_cold_one(self) -> None:
        """Warmth moves the hidden limit from the cautious rate to the ceiling."""
        profile = self.make()
        provider = self.provider(self._scenario(), warm=1.0)
        for source in (self.source, "cold"):
            provider.connect(0.0, source)
        rate = {row.source_ip: row.rate for row in provider.truth()}
        limit = profile.rate
        assert abs(rate["cold"] - limit.cautious) < 1e-9 * limit.cautious, rate
        assert abs(rate[self.source] - limit.ceiling) < 1e-9 * limit.ceiling, rate

    def test_a_greylist_is_read_as_one(self) -> None:
        """The profile's words for it, if it has any, send the mail back to the same server."""
        text = self.make().replies.greylisted
        if text is not None:
            assert text.code // 100 == 4, f"replies.greylisted is {text.code}"
            category = classify(Reply(text.code, text.status, text.text))
            assert category == _GREYLISTED, f"replies.greylisted is read as {category}"

    def test_gates_refuse(self) -> None:
        """What is not in order is told so by 4xx or 5xx."""
        for name, text in self.make().replies.gates.items():
            assert text.code // 100 in (4, 5), f"replies.gates.{name} is {text.code}"

    def test_no_message_is_lost_or_made_up(self) -> None:
        """Replies and what stays unsent sum to what was sent, however hard it is pushed."""
        scenario = self._scenario()
        provider, draws = self.provider(scenario), Draws(scenario, 1)
        for step in range(_STEPS):
            attempt = self._attempt(scenario, step)
            verdict = provider.receive(step * 7.0, attempt, draws)
            total = sum(n for _, n in verdict.replies) + verdict.unsent
            assert total == attempt.parcel.n, f"{attempt.parcel.n} came in, {total} are told of"
            assert all(n > 0 for _, n in verdict.replies), verdict.replies
            assert verdict.closed or not verdict.unsent, "what is open goes on"
            assert 0.0 <= verdict.done <= 1.0, verdict.done

    def test_state_survives_a_snapshot(self) -> None:
        """A provider that is written down as JSON and read again goes on alike, at any point."""
        scenario = self._scenario()
        undisturbed = self._told(scenario, ())
        for point in (0, 1, _STEPS // 2, _STEPS - 1):
            assert self._told(scenario, (point,)) == undisturbed, f"after {point} attempts"
        assert self._told(scenario, tuple(range(_STEPS))) == undisturbed

    def test_answers_depend_on_what_came_in(self) -> None:
        """The same attempts at the same times meet the same answers, whatever others are asked."""
        scenario = self._scenario()
        strangers = self.provider(scenario)
        told = self._told(scenario, ())
        strangers.receive(0.0, self._attempt(scenario, 1), Draws(scenario, 2))
        assert self._told(scenario, ()) == told

    def _scenario(self) -> Scenario:
        scenario = small_scenario(4000)
        return scenario.model_copy(update={"isps": {**scenario.isps, "gmail": self.make()}})

    def _attempt(self, scenario: Scenario, step: int) -> Attempt:
        """Return one of several kinds: single, many, spread, counted; from two neighbours."""
        block = Mailing(scenario).blocks[0]
        n = (1, 40, 1, 200)[step % 4]
        first = block.first + step * 7 % 1000 if step % 5 else -1
        cause = _GREYLISTED if step % 10 == 0 else ""
        parcel = Parcel(block.lot, first, n, step % 3, 0.0, step, cause)
        source = self.source if step % 3 else "192.0.2.250"
        return Attempt(source, parcel, 30.0 if n == 200 else 0.0, min(n, 1 + step % 4))

    def _told(self, scenario: Scenario, saved: tuple[int, ...]) -> list[Verdict | Reply]:
        """Return all answers of one provider, which is saved and restored at some steps."""
        provider, draws = self.provider(scenario), Draws(scenario, 1)
        told: list[Verdict | Reply] = []
        for step in range(_STEPS):
            if step in saved:
                state = json.loads(json.dumps(provider.snapshot(), allow_nan=False))
                provider = self.provider(scenario)
                provider.restore(state)
            attempt, now = self._attempt(scenario, step), step * _GAP
            told += [
                provider.connect(now, attempt.source_ip),
                provider.receive(now, attempt, draws),
            ]
        assert provider.truth()
        return told
