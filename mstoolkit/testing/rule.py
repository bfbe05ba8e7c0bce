"""The laws of a set of reply rules, as tests to inherit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from mstoolkit.config import Policy, Server
from mstoolkit.config.rotation import RoundRobinSpec
from mstoolkit.config.rules import Move, Rule, compile_pattern
from mstoolkit.model import Enqueued, Lot, Parcel, Replied, Reply, Send
from mstoolkit.strategy.rules import Consequence, Rulebook
from mstoolkit.testing.rehearsal import OK, Rehearsal

_LENGTH = 1000  # characters of a reply that are searched
_DAY = 86_400.0


class RuleSuite:
    """Laws that every set of reply rules keeps; derive a class whose name begins with ``Test``.

    Each rule needs a ``sample``, the reply that it is for.

    Examples
    --------
    >>> from mstoolkit.config.rules import load_rules
    >>> class TestMine(RuleSuite):
    ...     def rules(self):
    ...         return load_rules("gmail").rules
    >>> TestMine().test_every_rule_matches_its_sample()
    """

    def rules(self) -> Sequence[Rule]:
        """Return the rules, as ``load_rules("mine.toml").rules``; override this."""
        raise NotImplementedError

    # -- laws

    def test_names_differ(self) -> None:
        """Counts, logs and snapshots tell rules apart by their names."""
        names = [rule.name for rule in self.rules()]
        twice = sorted({name for name in names if names.count(name) > 1})
        assert not twice, f"there are two rules {', '.join(twice)}"

    def test_every_rule_matches_its_sample(self) -> None:
        """A rule has a sample, and takes it for a match at each ISP that it names."""
        for rule in self.rules():
            assert rule.sample is not None, f"{rule.name}: has no sample; write the reply it is for"
            for isp in rule.match.isp or ("gmail",):
                found = Rulebook([rule]).matching(_reply(rule), isp)
                assert found, f"{rule.name}: does not match its sample at {isp}"

    def test_other_isps_are_left_alone(self) -> None:
        """A rule that names ISPs matches its sample nowhere else."""
        for rule, reply in self._samples():
            if rule.match.isp:
                found = Rulebook([rule]).matching(reply, "an isp of no rule")
                assert not found, f"{rule.name}: matches at an ISP that it does not name"

    def test_accepted_mail_matches_nothing(self) -> None:
        """No rule takes a positive reply for a refusal, whatever its words."""
        for rule, reply in self._samples():
            for code in (220, 250, 354):
                accepted = reply._replace(code=code, status="2.0.0")
                fired = self._consider(accepted, rule, n=100_000)
                assert not fired, f"{rule.name}: sample accepted with {code} fires {fired}"

    def test_own_replies_match_nothing(self) -> None:
        """No rule takes what the toolkit says itself (code 0), or it would feed itself."""
        for rule, reply in self._samples():
            fired = self._consider(reply._replace(code=0), rule, n=100_000)
            assert not fired, f"{rule.name}: the toolkit's own words fire {fired}"

    def test_patterns_are_safe_and_fast(self) -> None:
        """A server chooses the text that is searched: no pattern may take forever over any.

        What `compile_pattern` takes is searched in cubic time at worst; here over texts made of the
        pattern's own signs, which give it the most to try.
        """
        for rule in self.rules():
            for pattern in filter(None, (rule.match.text, rule.match.line)):
                try:
                    compiled = compile_pattern(pattern)
                except ValueError as error:
                    raise AssertionError(f"{rule.name}: {error}") from None
                for text in _misleading(pattern):
                    compiled.search(text)

    def test_rules_fire_at_their_count(self) -> None:
        """A rule fires with the match that completes its count, not before, and not too late."""
        for rule, reply in self._samples():
            trigger = rule.trigger
            book, now = Rulebook([rule]), 0.0
            for number in range(1, trigger.count + 1):
                fired = bool(_told(book, rule, reply, 1, now))
                assert fired == (number == trigger.count), f"{rule.name}: {fired} at {number}"
                now += trigger.window / (2 * trigger.count)
            later = now + 2 * trigger.window
            fired = bool(_told(book, rule, reply, 1, later))
            assert fired == (trigger.count == 1), f"{rule.name}: old matches count still"

    def test_shares_are_of_all_attempts(self) -> None:
        """A rule by share does not fire while other replies keep its matches below it."""
        for rule, reply in self._samples():
            share, least = rule.trigger.share, rule.trigger.count
            if not share:
                continue
            book = Rulebook([rule])
            others = int(least / share) + 1
            assert not _told(book, rule, OK, others, 0.0)
            few = max(1, int(share * others / 2))
            assert not _told(book, rule, reply, few, 0.0), f"{rule.name}: fires below its share"
            assert share == 1 or _told(book, rule, reply, 100 * others, 0.0), f"{rule.name}: never"

    def test_counts_are_restored(self) -> None:
        """A snapshot survives JSON, and from there on both books say the same."""
        rules = self.rules()
        book, other = Rulebook(rules), Rulebook(rules)
        samples = list(self._samples())
        self._tell(book, samples, 0.0)
        other.restore(json.loads(json.dumps(book.snapshot(), allow_nan=False)))
        assert other.snapshot() == book.snapshot(), "restored to another state"
        for now in (30.0, 4000.0, 4001.0):
            assert self._tell(book, samples, now) == self._tell(other, samples, now), "the two part"
        assert other.snapshot() == book.snapshot(), "the two part in what they keep"

    def test_consequences_end(self) -> None:
        """A day after its time, a rule stands in no message's way: mail goes as if it never was."""
        for rule, reply in self._samples():
            play = _rehearse(rule, reply)
            assert play.totals["queued"] == play.totals["in_flight"] == 0, f"{rule.name}: no end"
            before = play.totals["delivered"]
            play.tell(Enqueued(play.now, Parcel(_lot(rule), 10**6, 10)))
            play.run(play.now + _DAY)
            assert play.totals["delivered"] == before + 10, f"{rule.name}: mail is still stopped"

    # -- how they are tried

    def _samples(self) -> Iterator[tuple[Rule, Reply]]:
        for rule in self.rules():
            if rule.sample is not None:
                yield rule, _reply(rule)

    def _consider(self, reply: Reply, rule: Rule, n: int) -> list[str]:
        """Return the names of the rules of the set that a reply fires where a rule is meant."""
        isp = _isp(rule)
        told = Rulebook(self.rules()).consider(reply, isp, "mta", n, 0.0, "spring")
        return [each.rule for each in told]

    @staticmethod
    def _tell(
        book: Rulebook, samples: Sequence[tuple[Rule, Reply]], now: float
    ) -> list[tuple[Consequence, ...]]:
        return [
            book.consider(reply, _isp(rule), f"mta-{number % 3}", 1, now, "spring")
            for number, (rule, reply) in enumerate(samples)
        ]


def _reply(rule: Rule) -> Reply:
    sample = rule.sample
    assert sample is not None
    return Reply(sample.code, sample.status, sample.text, sample.phase)


def _isp(rule: Rule) -> str:
    return rule.match.isp[0] if rule.match.isp else "gmail"


def _told(book: Rulebook, rule: Rule, reply: Reply, n: int, now: float) -> tuple[Consequence, ...]:
    return book.consider(reply, _isp(rule), "mta", n, now, "spring")


def _lot(rule: Rule) -> Lot:
    return Lot(0, "spring", "spring", "marketing", _isp(rule), "active", 1e12)


def _misleading(pattern: str) -> Iterator[str]:
    """Yield texts on which a pattern has much to try: its own signs, over and over."""
    plain = "".join(sign for sign in pattern if sign.isalnum() or sign in " .-[]()") or "a"
    for piece in (plain, plain[:1], plain[: len(plain) // 2] or "a", "a", " ", "0.", "(["):
        yield (piece * _LENGTH)[:_LENGTH]


def _rehearse(rule: Rule, reply: Reply) -> Rehearsal:
    """Let a rule fire in a small pool, and time pass until a day after its end."""
    left = [rule.trigger.count]

    def answer(at: float, send: Send) -> Replied:
        odd = min(left[0], send.parcel.n)
        left[0] -= odd
        replies = ((reply, odd), (OK, send.parcel.n - odd))
        told = tuple((said, n) for said, n in replies if n)
        return Replied(at + send.span + 0.1, send.token, told)

    servers = {"a": Server(), "b": Server()}
    if isinstance(rule.action, Move) and rule.action.to:
        servers[rule.action.to] = Server()
    policy = Policy(rotation=RoundRobinSpec(kind="round-robin"), rules=(rule,))
    play = Rehearsal(servers, policy, answer, batch=1000)
    play.tell(Enqueued(0.0, Parcel(_lot(rule), -1, 2 * rule.trigger.count + 100)))
    end = rule.duration + rule.trigger.window + _DAY
    play.run(end)
    play.now = max(play.now, end)
    return play
