"""The laws of a mailbox provider, as tests to inherit: for a profile of your own."""

from __future__ import annotations

from mstoolkit.config import Profile, Segment
from mstoolkit.isp import Provider
from mstoolkit.mail import classify
from mstoolkit.model import Reply

_MEANS = {
    "throttled": {"throttle"},
    "busy": {"temp_server"},
    "full": {"mailbox_full"},
    "unknown": {"invalid_recipient"},
    "blocked": {"block_ip"},
    "spam": {"spam", "policy", "content"},
    "connections": {"throttle"},
}
_TEMPORARY = ("throttled", "busy", "full", "connections")
_FINAL = ("unknown", "blocked", "spam")


class ProviderSuite:
    """What the simulator and the sender rely on; derive a class whose name begins with ``Test``.

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
        provider = self._provider(profile)
        assert provider.connect(0.0, self.source, profile.connections.ceiling).code == 220
        refused = provider.connect(0.0, self.source)
        assert refused.code == profile.replies.connections.code, f"admitted: {refused}"
        provider.disconnect(self.source)
        assert provider.connect(0.0, self.source).code == 220

    def test_a_warm_address_has_a_higher_limit_than_a_cold_one(self) -> None:
        """Warmth moves the hidden limit from the cautious rate to the ceiling."""
        profile = self.make()
        provider = self._provider(profile)
        for source in (self.source, "cold"):
            provider.connect(0.0, source)
        rate = {row.source_ip: row.rate for row in provider.truth()}
        limit = profile.rate
        assert abs(rate["cold"] - limit.cautious) < 1e-9 * limit.cautious, rate
        assert abs(rate[self.source] - limit.ceiling) < 1e-9 * limit.ceiling, rate

    def _provider(self, profile: Profile) -> Provider:
        segments = {"all": Segment(share=1.0, opens=0.2)}
        return Provider("mine", profile, segments, {self.source: 1.0})
