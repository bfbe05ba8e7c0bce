"""The provider's answers: counts, limits, listing, and what single messages and parcels share."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mstoolkit.config import Profile, Scenario, isp_names, load_profile
from mstoolkit.config.mailing import Block, Mailing
from mstoolkit.config.profile import RateLimit
from mstoolkit.config.replies import Gates
from mstoolkit.isp import Attempt, Draws, Provider, Truth, Verdict
from mstoolkit.isp.standing import REFRESH
from mstoolkit.model import Parcel
from mstoolkit.testing import ProviderSuite, small_scenario

WARM, COLD = "192.0.2.1", "192.0.2.99"
SCENARIO = small_scenario(4000)
MAILING = Mailing(SCENARIO)
BLOCK = MAILING.blocks[0]
LAX: dict[str, Any] = {"growth": None, "escalation": None, "gates": Gates()}
OPEN_GATE = RateLimit(cautious=1e6, ceiling=1e6)


class TestShippedProfiles(ProviderSuite):
    """Every profile that is shipped keeps the laws."""

    name = "gmail"

    @pytest.fixture(autouse=True, params=isp_names())
    def each(self, request: pytest.FixtureRequest) -> None:
        self.name = str(request.param)

    def make(self) -> Profile:
        return load_profile(self.name)


def world(scenario: Scenario = SCENARIO, **changes: Any) -> tuple[Provider, Draws]:
    """Return a provider like Gmail with some figures changed, and its audience."""
    profile = scenario.isps["gmail"].model_copy(update={**LAX, **changes})
    scenario = scenario.model_copy(update={"isps": {**scenario.isps, "gmail": profile}})
    isp = Provider("gmail", profile, scenario.audience.segments, {WARM: 1.0})
    return isp, Draws(scenario, 1)


def provider(**changes: Any) -> Provider:
    return world(**changes)[0]


def draws(seed: int = 1) -> Draws:
    return Draws(SCENARIO, seed)


def people_who(**traits: float) -> Scenario:
    """Return the scenario with some traits of all segments changed."""
    segments = {
        name: segment.model_copy(update=traits)
        for name, segment in SCENARIO.audience.segments.items()
    }
    audience = SCENARIO.audience.model_copy(update={"segments": segments})
    return SCENARIO.model_copy(update={"audience": audience})


def parcel(n: int, first: int = 0, attempt: int = 0, block: Block = BLOCK) -> Parcel:
    return Parcel(block.lot, first if first < 0 else block.first + first, n, attempt, parent=3)


def attempt(what: Parcel, source: str = WARM, span: float = 0.0, slots: int = 1) -> Attempt:
    return Attempt(source, what, span, slots)


def counted(*verdicts: Verdict) -> Counter[Any]:
    """Count all replies."""
    counts: Counter[Any] = Counter()
    for verdict in verdicts:
        for reply, n in verdict.replies:
            counts[reply] += n
    return counts


def latest(isp: Provider, source: str = WARM) -> Truth:
    return [row for row in isp.truth() if row.source_ip == source][-1]


@settings(max_examples=50)
@given(
    sizes=st.lists(st.integers(1, 300), min_size=1, max_size=20),
    span=st.floats(0.0, 600.0),
    slots=st.integers(1, 8),
    wait=st.floats(0.0, 120.0),
    known=st.booleans(),
    source=st.sampled_from([WARM, COLD]),
)
def test_counts_and_unsent_sum_to_the_parcel(
    sizes: list[int], span: float, slots: int, wait: float, known: bool, source: str
) -> None:
    """In every state of a source, pushed until it is listed too, no message is lost or made up."""
    isp, people, now = provider(), draws(), 0.0
    for n in sizes:
        what = parcel(n, 0 if known else -1)
        verdict = isp.receive(now, attempt(what, source, span if n > 1 else 0.0, slots), people)
        assert sum(count for _, count in verdict.replies) + verdict.unsent == n
        assert all(count > 0 for _, count in verdict.replies)
        assert 0.0 <= verdict.done <= 1.0
        assert verdict.closed or not verdict.unsent
        now += wait


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("tries", [0, 2])
def test_single_messages_and_a_parcel_get_the_same_answers(number: int, tries: int) -> None:
    """Where nothing is throttled, the replies to each one singly are those to all at once."""
    block = [block for block in MAILING.blocks if block.lot.isp == "gmail"][number]
    figures: dict[str, Any] = {"rate": OPEN_GATE, "busy": 0.05, "spam_rejected": 0.02}
    isp, people = world(**figures)
    other, n = provider(**figures), block.n
    singles = [isp.receive(5.0, attempt(parcel(1, k, tries, block)), people) for k in range(n)]
    whole = other.receive(5.0, attempt(parcel(n, 0, tries, block)), people)
    assert counted(*singles) == counted(whole)
    assert len(counted(whole)) >= 4, "several kinds of replies"
    isp.connect(65.0, WARM)
    other.connect(65.0, WARM)
    assert latest(isp).reputation == pytest.approx(latest(other).reputation)


def test_single_messages_and_a_parcel_have_the_same_feedback() -> None:
    """Where all are accepted, complaints, unsubscribes and DSNs are the same, delays included."""
    scenario = people_who(unknown=0.0, full=0.0)
    figures: dict[str, Any] = {"rate": OPEN_GATE, "busy": 0.0, "spam_rejected": 0.0, "dsn": 0.02}
    isp, people = world(scenario, **figures)
    other, _ = world(scenario, **figures)
    singles = [isp.receive(0.0, attempt(parcel(1, k)), people) for k in range(BLOCK.n)]
    whole = other.receive(0.0, attempt(parcel(BLOCK.n)), people)
    news = [item for verdict in singles for item in verdict.feedback]
    assert sorted(news) == sorted(whole.feedback)
    assert {item.kind for item in news} == {"complained", "unsubscribed", "dsn"}


def test_only_accepted_mail_of_a_parcel_has_feedback() -> None:
    """A dead or full mailbox neither complains nor bounces later, in a parcel as singly."""
    scenario = people_who(unknown=0.3, full=0.1)
    figures: dict[str, Any] = {"rate": OPEN_GATE, "busy": 0.0, "spam_rejected": 0.0, "dsn": 0.02}
    isp, people = world(scenario, **figures)
    other, _ = world(scenario, **figures)
    singles = [isp.receive(0.0, attempt(parcel(1, k)), people) for k in range(BLOCK.n)]
    whole = other.receive(0.0, attempt(parcel(BLOCK.n)), people)
    news = [item for verdict in singles for item in verdict.feedback]
    assert sorted(news) == sorted(whole.feedback)


@pytest.mark.parametrize("strangers", ["backwards", "elsewhere first"])
def test_answers_do_not_depend_on_the_order_of_asking(strangers: str) -> None:
    """Each recipient answers for itself: asked backwards, or after others, it says the same."""
    isp, people = world(rate=OPEN_GATE, busy=0.05)
    forward = {k: isp.receive(0.0, attempt(parcel(1, k)), people) for k in range(400)}
    other, people = world(rate=OPEN_GATE, busy=0.05)
    if strangers == "elsewhere first":
        for k in range(300):
            block = MAILING.blocks[1]
            other.receive(0.0, attempt(parcel(1, k, block=block), "203.0.113.5"), people)
    for k in reversed(range(400)):
        verdict = other.receive(0.0, attempt(parcel(1, k)), people)
        assert (verdict.replies, verdict.feedback) == (forward[k].replies, forward[k].feedback)


def test_another_seed_is_another_audience() -> None:
    """The seed decides who is unknown, full, or busy."""
    answers = []
    for seed in (1, 1, 2):
        isp, people = provider(rate=OPEN_GATE), draws(seed)
        answers.append([isp.receive(0.0, attempt(parcel(1, k)), people) for k in range(500)])
    assert answers[0] == answers[1]
    assert answers[0] != answers[2]


def test_an_address_is_the_same_at_every_attempt() -> None:
    """A dead address stays dead; a busy server is drawn anew for each attempt."""
    isp, people = world(rate=OPEN_GATE, busy=0.1)
    unknown, busy = isp.profile.replies.unknown.text, isp.profile.replies.busy.text
    by_attempt = [
        [isp.receive(0.0, attempt(parcel(1, k, tries)), people) for k in range(500)]
        for tries in (0, 1)
    ]
    texts = [[v.replies[0][0].text for v in verdicts] for verdicts in by_attempt]
    dead = [{k for k, text in enumerate(row) if text == unknown} for row in texts]
    late = [{k for k, text in enumerate(row) if text == busy} for row in texts]
    assert dead[0] - late[1] == dead[1] - late[0]
    assert late[0] != late[1]


def test_past_its_limit_it_throttles_with_its_own_words() -> None:
    """What the window holds passes, the next meets the profile's throttle; time refills it."""
    limit = RateLimit(cautious=1.0, ceiling=1.0, window=20.0)
    isp, people = provider(rate=limit), draws()
    throttled = isp.profile.replies.throttled
    verdicts = [isp.receive(0.0, attempt(parcel(1, k)), people) for k in range(21)]
    codes = [(v.replies[0][0].code, v.replies[0][0].text) for v in verdicts]
    assert codes[-1] == (throttled.code, throttled.text)
    assert codes.count(codes[-1]) == 1
    assert verdicts[-1].closed
    after = isp.receive(5.0, attempt(parcel(5, 100)), people)
    assert counted(after).total() == 5
    assert throttled.text not in {reply.text for reply in counted(after)}


def test_the_tail_of_a_parcel_is_throttled_and_left() -> None:
    """Twenty of fifty pass; each connection meets one refusal; the rest is unsent."""
    limit = RateLimit(cautious=1.0, ceiling=1.0, window=20.0)
    isp = provider(rate=limit)
    verdict = isp.receive(0.0, attempt(parcel(50), slots=3), draws())
    counts = {reply.text: n for reply, n in verdict.replies}
    assert counts[isp.profile.replies.throttled.text] == 3
    assert (verdict.unsent, verdict.closed) == (27, True)
    assert verdict.done == pytest.approx(0.4)


def test_a_spread_parcel_is_metered_over_its_span() -> None:
    """At its rate any number passes; the limiter then stands at the end of the span."""
    limit = RateLimit(cautious=1.0, ceiling=1.0, window=1.0)
    isp, people = provider(rate=limit), draws()
    assert not isp.receive(0.0, attempt(parcel(100), span=100.0), people).unsent
    assert isp.receive(100.0, attempt(parcel(2, 100)), people).closed


def reputed(now: float = 3600.0, *, pushed: int = 0) -> Provider:
    """Return a provider that was pushed so often at time 0, reviewed at `now`."""
    gate = RateLimit(cautious=1.0, ceiling=100.0, window=5.0)
    isp, people = world(people_who(complaints=0.0), rate=gate)
    for _ in range(pushed):
        isp.receive(0.0, attempt(parcel(1000)), people)
    isp.connect(now, WARM)
    return isp


def test_pushing_lowers_reputation_and_with_it_the_limit() -> None:
    """Sending into a throttle counts against the source: limit, inbox and reputation fall."""
    good, bad, worse = (latest(reputed(pushed=n)) for n in (0, 300, 600))
    assert good.reputation > bad.reputation > worse.reputation
    assert good.rate > bad.rate > worse.rate
    assert good.inbox > bad.inbox > worse.inbox
    assert good.spam < bad.spam < worse.spam
    assert worse.rate >= 1.0


def bad_to_known(isp: Provider, now: float) -> float:
    """Return what bad signals weigh, relative to the prior and good ones."""
    isp.connect(now, WARM)
    return 1.0 / latest(isp).reputation - 1.0


def test_time_heals_by_half_lives() -> None:
    """After a half-life the bad signals weigh half, in whatever steps one looks; then nothing."""
    half_life = SCENARIO.isps["gmail"].reputation.half_life
    prior = SCENARIO.isps["gmail"].reputation.prior
    isp, often = reputed(REFRESH, pushed=2), reputed(REFRESH, pushed=2)
    for k in range(1, 100):
        often.connect(REFRESH + half_life * k / 100, WARM)
    good = next(row for row in isp.truth() if row.source_ip == WARM)
    assert good.reputation == 1.0
    start = bad_to_known(isp, REFRESH)
    after = bad_to_known(isp, REFRESH + half_life)
    assert after == pytest.approx(bad_to_known(often, REFRESH + half_life))
    accepted = isp.profile.rate.window * isp.profile.rate.ceiling
    ratio = (prior + accepted) / (prior + accepted / 2) / 2
    assert after == pytest.approx(start * ratio, rel=0.05)
    assert bad_to_known(isp, REFRESH + 30 * half_life) < 1e-6


def test_good_mail_raises_reputation_and_warmth() -> None:
    """Accepted mail outweighs what was bad, and warms a cold address."""
    gate = RateLimit(cautious=50.0, ceiling=100.0, window=1.0, warmup_volume=2000)
    isp, people = world(people_who(complaints=0.0, unknown=0.0), rate=gate)
    for _ in range(100):
        isp.receive(0.0, attempt(parcel(1000), COLD), people)
    isp.connect(REFRESH, COLD)
    before = latest(isp, COLD)
    isp.receive(REFRESH, attempt(parcel(1000), COLD), people)
    isp.connect(2 * REFRESH, COLD)
    after = latest(isp, COLD)
    assert after.reputation > before.reputation
    assert after.warmth > before.warmth
    assert after.rate > before.rate


def test_a_listed_source_is_refused_and_admitted_again() -> None:
    """Below the threshold: refused at connecting and at sending, for the time that it lasts."""
    isp = reputed(REFRESH, pushed=3000)
    profile = isp.profile
    row = latest(isp)
    assert row.reputation < profile.blocklisting.threshold
    assert row.listed
    refused = isp.connect(REFRESH, WARM)
    assert (refused.code, refused.phase) == (profile.replies.blocked.code, "connect")
    verdict = isp.receive(REFRESH, attempt(parcel(10)), draws())
    assert (verdict.closed, verdict.unsent) == (True, 9)
    assert verdict.replies[0][0].text == profile.replies.blocked.text
    other = isp.connect(REFRESH, COLD)
    assert other.code == 220, "another source is not concerned"
    end = REFRESH + profile.blocklisting.lasts
    assert isp.connect(end - 1.0, WARM).code != 220
    assert isp.connect(end + 20 * profile.reputation.half_life, WARM).code == 220


def test_complaints_count_when_they_arrive() -> None:
    """Mail that will be complained about costs nothing yet; the reputation falls with the news."""
    isp, people = provider(rate=OPEN_GATE), draws()
    verdict = isp.receive(0.0, attempt(parcel(BLOCK.n)), people)
    delays = sorted(news.delay for news in verdict.feedback if news.kind == "complained")
    assert len(delays) >= 3
    weights = []
    for now in (delays[0] * 0.99, delays[-1] + 1.0):
        isp.connect(now, WARM)
        weights.append(latest(isp).reputation)
    assert weights[1] < weights[0]


def test_complaints_decay_from_their_arrival() -> None:
    """When the provider looks makes no difference to what an old complaint weighs."""
    isp, people = world(rate=OPEN_GATE)
    often, _ = world(rate=OPEN_GATE)
    for each in (isp, often):
        each.receive(0.0, attempt(parcel(BLOCK.n)), people)
        each.connect(REFRESH, WARM)
    for minute in range(1, 60 * 72):
        often.connect(60.0 * minute, WARM)
    end = 72 * 3600.0
    assert bad_to_known(isp, end) == pytest.approx(bad_to_known(often, end), rel=0.01)


def test_connections_end() -> None:
    """After the profile's messages a connection is closed with the last acceptance."""
    isp, people = provider(rate=OPEN_GATE), draws()
    most = isp.profile.messages_per_connection
    for carried in (0, most - 2, most - 1):
        verdict = isp.receive(0.0, Attempt(WARM, parcel(1, 0), carried=carried), people)
        assert verdict.replies[0][0].code == 250
        assert verdict.closed == (carried == most - 1)


def test_disconnecting_too_often_does_no_harm() -> None:
    """The count of open connections never falls below none."""
    isp = provider()
    isp.connect(0.0, WARM)
    isp.disconnect(WARM, 5)
    assert isp.connect(0.0, WARM, isp.profile.connections.ceiling).code == 220


def test_counted_parcels_are_drawn_by_their_parcel() -> None:
    """The same counted parcel draws the same; another parent draws afresh."""
    isp, people = world(rate=OPEN_GATE, busy=0.1)
    one = isp.receive(0.0, attempt(Parcel(BLOCK.lot, -1, 500, 1, 0.0, 7)), people)
    same = isp.receive(0.0, attempt(Parcel(BLOCK.lot, -1, 500, 1, 0.0, 7)), people)
    other = isp.receive(0.0, attempt(Parcel(BLOCK.lot, -1, 500, 1, 0.0, 8)), people)
    assert counted(one) == counted(same) != counted(other)


def test_a_full_mailbox_is_still_full() -> None:
    """Counted mail that was deferred for it meets it again."""
    isp, people = world(rate=OPEN_GATE, busy=0.0)
    full = Parcel(BLOCK.lot, -1, 50, 1, 0.0, 7, "mailbox_full")
    ((reply, n),) = isp.receive(0.0, attempt(full), people).replies
    assert (reply.text, n) == (isp.profile.replies.full.text, 50)
