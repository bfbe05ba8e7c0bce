"""Growth, escalation, greylists, gates and connections: what a profile with these sections does."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mstoolkit.config import Profile, Scenario
from mstoolkit.config.mailing import Mailing
from mstoolkit.config.profile import (
    Connections,
    Escalation,
    Greylisting,
    Growth,
    RateLimit,
    Rung,
)
from mstoolkit.config.replies import Gates, ReplyText
from mstoolkit.config.scenario import Authentication
from mstoolkit.isp import Attempt, Credentials, Draws, Provider, Verdict, providers
from mstoolkit.isp.growth import DAY, Volumes
from mstoolkit.isp.history import Archive
from mstoolkit.isp.network import network_of
from mstoolkit.mail import classify
from mstoolkit.model import Parcel
from mstoolkit.testing import ProviderSuite, small_scenario

ONE, NEIGHBOUR, FAR, COLD = "192.0.2.1", "192.0.2.200", "198.51.100.1", "203.0.113.9"
SMALL = small_scenario(4000)
OPEN = RateLimit(cautious=1e6, ceiling=1e6)
FINE: dict[str, Any] = {"busy": 0.0, "spam_rejected": 0.0, "dsn": 0.0}
LAX: dict[str, Any] = {"growth": None, "escalation": None, "gates": Gates(), "blocklists": ()}
GROWTH = Growth(factor=2.0, cold=100)
LADDER = Escalation(
    window=3600.0,
    forgets=7200.0,
    rungs=(
        Rung(pushed=5, lasts=900.0),
        Rung(pushed=10, lasts=3600.0, reply="blocked"),
        Rung(pushed=3, lasts=14400.0, reply="blocked", scope="network"),
    ),
)


def kind(**changes: Any) -> Scenario:
    """Return the scenario with healthy recipients and some figures of Gmail changed."""
    traits = {"unknown": 0.0, "full": 0.0, "complaints": 0.0, "unsubscribes": 0.0}
    segments = {k: s.model_copy(update=traits) for k, s in SMALL.audience.segments.items()}
    audience = SMALL.audience.model_copy(update={"segments": segments})
    profile = SMALL.isps["gmail"].model_copy(update={"rate": OPEN, **FINE, **LAX, **changes})
    isps = {**SMALL.isps, "gmail": profile}
    return SMALL.model_copy(update={"audience": audience, "isps": isps})


class World:
    """A provider, its audience, and mail to send to it."""

    def __init__(self, scenario: Scenario, credentials: Credentials | None = None) -> None:
        warm = dict.fromkeys((ONE, NEIGHBOUR, FAR), 1.0)
        profile, segments = scenario.isps["gmail"], scenario.audience.segments
        self.isp = Provider("gmail", profile, segments, warm, credentials or Credentials({}, {}))
        self.draws = Draws(scenario, 1)
        self.block = Mailing(scenario).blocks[0]
        self.replies = profile.replies

    def send(
        self, now: float, n: int = 1, first: int = 0, source: str = ONE, **more: Any
    ) -> Verdict:
        """Send a parcel."""
        span, slots = more.pop("span", 0.0), more.pop("slots", 1)
        start = self.block.first + first if first >= 0 else -1
        parcel = Parcel(self.block.lot, start, n, **more)
        return self.isp.receive(now, Attempt(source, parcel, span, slots), self.draws)

    def passed(self, now: float, n: int = 1, first: int = 0, source: str = ONE) -> int:
        """Return how many of a parcel were accepted."""
        return accepted(self.send(now, n, first, source))


def accepted(verdict: Verdict) -> int:
    return sum(n for reply, n in verdict.replies if reply.positive)


def text(verdict: Verdict) -> str:
    """Return the words of the last reply."""
    return verdict.replies[-1][0].text


class TestStrict(ProviderSuite):
    """A profile with all sections keeps the laws."""

    def make(self) -> Profile:
        return SMALL.isps["gmail"].model_copy(
            update={
                "connections": Connections(cautious=5, ceiling=60),
                "growth": Growth(factor=1.5, cold=300),
                "escalation": LADDER,
                "greylisting": Greylisting(share=0.3),
                "gates": Gates(bulk_from=900, dmarc="bulk"),
            }
        )


# -- neutral senders


@pytest.mark.parametrize("n", [1, 40])
def test_who_keeps_all_rules_meets_none(n: int) -> None:
    """Sections that nobody breaks change no answer: those of today come, one for one."""
    strict = kind(busy=0.05, growth=Growth(), escalation=LADDER, gates=Gates(dkim="always"))
    lenient, careful = World(kind(busy=0.05)), World(strict)
    for step in range(600 // n):
        now = step * 10.0
        assert careful.send(now, n, step * n) == lenient.send(now, n, step * n)


# -- connections


def test_connections_move_between_cautious_and_ceiling() -> None:
    """A cold address holds the cautious number, a warm one the ceiling, a half-warm one between."""
    scenario = kind(connections=Connections(cautious=4, ceiling=100), rate=OPEN)
    half = OPEN.warmup_volume // 2
    world = World(scenario)
    held = {}
    world.send(0.0, 1, source=COLD)
    for source in (ONE, COLD):
        held[source] = sum(world.isp.connect(0.0, source).code == 220 for _ in range(120))
    assert held == {ONE: 100, COLD: 4}
    for k in range(half // 500):
        world.send(1.0 + k, 500, 0, COLD)
    world.isp.disconnect(COLD, 4)
    later = sum(world.isp.connect(3600.0, COLD).code == 220 for _ in range(120))
    assert later == pytest.approx(20, abs=2), "half-way on a log scale: sqrt(4 x 100)"


# -- growth


def a_day(world: World, day: int, volume: float) -> int:
    """Send a day's mail from a cold address evenly, in 48 parcels; return how much was refused."""
    refused = 0
    for k in range(48):
        n = round(volume * (k + 1) / 48) - round(volume * k / 48)
        if n:
            now = day * DAY + k * 1800.0
            verdict = world.send(now, n, -1, COLD, span=1800.0, parent=day * 48 + k)
            refused += n - accepted(verdict)
    return refused


def growing(world: World, factor: float, days: int, every: int = 1) -> list[int]:
    """Let mail grow from the cold volume; return the refusals of each day."""
    return [a_day(world, day, 100 * factor ** (day // every)) for day in range(days)]


@pytest.mark.parametrize(
    ("factor", "every"), [(1.4, 1), (2.0, 3), (1.26, 1)], ids=["sendgrid", "braze", "smoothed"]
)
def test_cautious_growth_is_not_throttled(factor: float, every: int) -> None:
    """What cautious published plans grow by passes for 18 days from a cold start."""
    assert sum(growing(World(kind(growth=GROWTH)), factor, 18, every)) == 0


def test_twice_the_tolerated_growth_is_throttled() -> None:
    """What a profile says it tolerates for good passes; a little more does not, nor does twice."""
    tolerated = GROWTH.sustained
    assert tolerated == pytest.approx(1.447, abs=0.001)  # 2 (1 + 1/g + 1/g^2) / 3 = g
    assert sum(growing(World(kind(growth=GROWTH)), tolerated * 0.99, 14)) == 0
    for factor in (2.0, 2 * tolerated):
        refused = growing(World(kind(growth=GROWTH)), factor, 6)
        assert refused[0] == 0
        assert sum(refused) > 50, refused


def test_only_a_share_of_the_day_comes_at_once() -> None:
    """Half of the day's volume passes at once, the other half as the day goes on."""
    world = World(kind(growth=GROWTH))
    first = world.send(0.0, 1000, source=COLD)
    assert accepted(first) == 50
    assert text(first) == world.replies.throttled.text
    assert world.passed(6 * 3600.0, 1000, source=COLD) == 25
    assert world.passed(18 * 3600.0, 1000, source=COLD) == 50


def test_idle_days_cool() -> None:
    """After half the idle time half is left of it, after all of it the address is new."""
    allowed = []
    for gap in (0, 15, 30):
        volumes = Volumes(GROWTH, 30 * DAY, known=1000.0)
        allowed.append(volumes.room(gap * DAY) / GROWTH.at_once)
    assert allowed == [2000, 1000, 100]


@pytest.mark.parametrize("idle", [10.0, 30.0, 365.0])
def test_a_warm_address_cools_and_is_cold_after_its_idle_time(idle: float) -> None:
    """The hidden limit falls day by day without mail; how long it takes is the profile's."""
    limit = RateLimit(cautious=1.0, ceiling=100.0, warmup_volume=10, idle=idle * DAY)
    rates = []
    for gap in (1.0, idle / 2, idle, idle + 5):
        world = World(kind(rate=limit))
        for k in range(10):
            world.send(k * 60.0, source=COLD)
        world.isp.connect(gap * DAY, COLD)
        rates.append(world.isp.truth()[-1].rate)
    assert rates[0] == pytest.approx(100.0, rel=0.01)
    assert rates[0] > rates[1] > rates[2] > 0.99
    assert rates[3] == pytest.approx(1.0)


@settings(max_examples=60)
@given(
    sizes=st.lists(st.integers(1, 400), min_size=1, max_size=12),
    hours=st.lists(st.floats(0.1, 40.0), min_size=12, max_size=12),
)
def test_growth_counts_parcels_as_single_messages(sizes: list[int], hours: list[float]) -> None:
    """What a parcel passes at a time is what its messages pass one by one."""
    unforgiving = SMALL.isps["gmail"].reputation.model_copy(update={"pushed": 0.0})
    scenario = kind(growth=GROWTH, reputation=unforgiving)
    whole, singly, now = World(scenario), World(scenario), 0.0
    for n, wait in zip(sizes, hours, strict=False):
        now += wait * 3600.0
        passed = sum(singly.passed(now, 1, k % 400, COLD) for k in range(n))
        assert whole.passed(now, n, 0, COLD) == passed


# -- the ladder


def push(world: World, now: float, n: int, source: str = ONE) -> Verdict:
    """Send single messages, and return the last answer."""
    for _ in range(n - 1):
        world.send(now, source=source)
    return world.send(now, source=source)


def throttling(**changes: Any) -> World:
    """Return a world where the first message of a minute passes, and all others are refused."""
    slow = RateLimit(cautious=1 / 60, ceiling=1 / 60, window=60.0)
    unforgiving = SMALL.isps["gmail"].reputation.model_copy(update={"pushed": 0.0})
    return World(kind(rate=slow, reputation=unforgiving, escalation=LADDER, **changes))


def test_who_backs_off_recovers_in_the_published_time() -> None:
    """After the first rung everything is refused for its 15 minutes, and no longer."""
    world = throttling()
    push(world, 0.0, 1 + 1 + 5)  # one passes, one refusal tells, five push
    for now in (60.0, 899.0):
        assert not world.passed(now)
    assert world.passed(901.0)


def test_one_refusal_is_news_and_no_offence() -> None:
    """Who stops at the first refusal is never on the ladder."""
    world = throttling()
    for hour in range(10):
        assert world.passed(hour * 3600.0)
        push(world, hour * 3600.0, 1 + 4)
        assert world.passed(hour * 3600.0 + 60.0)


def test_who_pushes_gets_worse() -> None:
    """Throttle, a block of an hour, one of the network for four: each lasts as it says."""
    world = throttling()
    assert text(push(world, 0.0, 2 + 5)) == world.replies.throttled.text
    push(world, 100.0, 10)
    verdict = push(world, 100.0, 1)
    assert text(verdict) == world.replies.blocked.text
    refused = world.isp.connect(3699.0, ONE)
    assert (refused.code, refused.phase) == (world.replies.blocked.code, "connect")
    assert world.isp.connect(3701.0, ONE).code == 220
    push(world, 3701.0, 1 + 1 + 3)
    assert not world.passed(3701.0 + 14399.0)
    assert world.passed(3701.0 + 14401.0)


def test_a_network_block_hits_the_neighbour() -> None:
    """Another address of the /24 is refused, one of another network is not, a name has none."""
    world = throttling()
    push(world, 0.0, 2 + 5 + 10 + 3)
    assert world.isp.connect(10.0, NEIGHBOUR).code == world.replies.blocked.code
    assert text(world.send(10.0, source=NEIGHBOUR)) == world.replies.blocked.text
    assert world.passed(10.0, source=FAR)
    assert world.passed(10.0, source="server:mta-1")


def test_a_name_is_blocked_alone() -> None:
    """A stand-in without a network climbs the whole ladder, and takes nobody along."""
    world = throttling()
    push(world, 0.0, 2 + 5 + 10 + 3, "server:mta-1")
    assert text(world.send(10.0, source="server:mta-1")) == world.replies.blocked.text
    assert world.passed(10.0, source="server:mta-2")


def test_who_backs_off_begins_at_the_foot() -> None:
    """Two hours without a refusal, and pushing brings the first rung again, not the second."""
    world = throttling()
    push(world, 0.0, 2 + 5)
    assert world.passed(8100.0)
    push(world, 8100.0, 1 + 5)
    assert text(world.send(8110.0)) == world.replies.throttled.text
    assert world.passed(8100.0 + 901.0)


def test_a_parcel_pushes_by_its_connections() -> None:
    """A parcel on six connections meets six refusals: one tells, five push."""
    world = throttling()
    world.send(0.0, 100, slots=6)
    assert not world.passed(300.0)
    assert world.passed(901.0)


# -- greylisting

GREY = Greylisting(delay=300.0, trusted_after=2)


def test_greylisted_mail_passes_on_the_second_try_from_the_same_network() -> None:
    """Deferred until the delay is over; the neighbour may come back for it, a stranger may not."""
    world = World(kind(greylisting=GREY))
    first = world.send(0.0)
    reply = first.replies[0][0]
    assert (reply.code, classify(reply)) == (450, "greylist")
    assert not world.passed(299.0)
    assert not world.passed(301.0, source=FAR)
    assert world.passed(301.0, source=NEIGHBOUR)
    assert world.passed(302.0), "a known recipient is not deferred again"


def test_a_greylist_speaks_in_the_words_of_the_profile() -> None:
    """`replies.greylisted` is what is said."""
    words = ReplyText(code=451, status="4.7.1", text="Greylisting in action")
    replies = SMALL.isps["gmail"].replies.model_copy(update={"greylisted": words})
    world = World(kind(greylisting=GREY, replies=replies))
    assert text(world.send(0.0)) == "Greylisting in action"


def test_a_client_is_trusted_after_its_successes() -> None:
    """Two hours with a success make a client known, and nobody is deferred any more."""
    world = World(kind(greylisting=GREY))
    for hour in range(2):
        assert not world.passed(hour * 3700.0, 10, hour * 10)
        assert world.passed(hour * 3700.0 + 400.0, 10, hour * 10) == 10
    assert world.passed(8000.0, 100, 100) == 100
    assert not world.passed(8000.0, 10, 300, FAR), "another network is not known"
    assert not world.passed(8000.0 + 36 * DAY, 10, 300), "forgotten after its lifetime"


def test_who_comes_too_late_begins_anew() -> None:
    """The second attempt must come within two days."""
    world = World(kind(greylisting=GREY))
    world.send(0.0)
    assert not world.passed(2 * DAY + 1.0)
    assert world.passed(2 * DAY + 302.0)


@pytest.mark.parametrize("n", [1, 50, 500])
def test_a_share_of_the_recipients_is_behind_it(n: int) -> None:
    """The same recipients are deferred in parcels of any size, and about as many as stated."""
    size = 500
    world, singly = (World(kind(greylisting=Greylisting(share=0.3))) for _ in range(2))
    through = sum(world.passed(0.0, n, k) for k in range(0, size, n))
    assert through == sum(singly.passed(0.0, 1, k) for k in range(size))
    assert 1 - through / size == pytest.approx(0.3, abs=0.07)


def test_counted_mail_comes_back_by_number() -> None:
    """Of a mixed parcel the deferred ones return as a number: early ones wait, then all pass."""
    world = World(kind(greylisting=Greylisting(share=0.3)))
    late = 500 - world.passed(0.0, 500)
    back: dict[str, Any] = {"first": -1, "attempt": 1, "parent": 3, "cause": "greylist"}
    assert not accepted(world.send(200.0, late, **back))
    assert not accepted(world.send(301.0, late, source=FAR, **back)), "elsewhere it begins anew"
    assert accepted(world.send(301.0, late, **back)) == late
    assert not accepted(world.send(302.0, late, **back)), "and passes once"


# -- gates

WITHOUT = Authentication(dmarc=False)


def test_what_is_not_in_order_is_refused_first() -> None:
    """`always` refuses the first message, with the words of the gate, blocked or not."""
    words = ReplyText(code=550, status="5.7.26", text="Unauthenticated mail is not accepted")
    replies = SMALL.isps["gmail"].replies.model_copy(update={"gates": {"dmarc": words}})
    scenario = kind(gates=Gates(dmarc="always"), replies=replies, growth=Growth(cold=1))
    world = World(scenario, Credentials({ONE: WITHOUT}, {}))
    verdict = world.send(0.0, 50)
    assert [(reply.status, n) for reply, n in verdict.replies] == [("5.7.26", 50)]
    assert (verdict.closed, verdict.unsent) == (False, 0)
    assert world.passed(0.0, source=FAR), "the other server's mail is in order"


@pytest.mark.parametrize("n", [1, 7, 100])
def test_bulk_senders_meet_gates_that_small_ones_do_not(n: int) -> None:
    """By all addresses together: what exceeds the volume is refused, and everything afterwards."""
    scenario = kind(gates=Gates(bulk_from=250, one_click="bulk"))
    campaign = Mailing(scenario).blocks[0].lot.campaign
    world = World(scenario, Credentials({}, {campaign: False}))
    through, sent = 0, 0
    while sent < 700:
        through += world.passed(1.0 * sent, n, sent, (ONE, FAR)[sent % 2])
        sent += n
    assert through == 250
    reply = world.send(DAY * 3, 1).replies[0][0]
    assert (reply.code, classify(reply)) == (550, "policy")


def test_small_senders_stay_small() -> None:
    """Two days of the bulk volume each do not make a bulk sender."""
    world = World(kind(gates=Gates(bulk_from=250, spf="bulk")), _spoilt("spf"))
    assert [world.passed(day * DAY, 250) for day in range(3)] == [250, 250, 250]


def _spoilt(*names: str) -> Credentials:
    return Credentials({ONE: Authentication(**dict.fromkeys(names, False))}, {})


@pytest.mark.parametrize("gate", ["spf", "dkim", "dmarc", "tls", "ptr", "helo"])
def test_each_gate_has_words(gate: str) -> None:
    """A gate without a text in the profile refuses as a policy, and the sender reads it so."""
    silent = SMALL.isps["gmail"].replies.model_copy(update={"gates": {}})
    world = World(kind(gates=Gates(**{gate: "always"}), replies=silent), _spoilt(gate))
    reply = world.send(0.0).replies[0][0]
    assert reply.code == 550
    assert classify(reply) in {"auth", "ptr", "policy"}


def test_a_421_at_a_gate_closes_the_connection() -> None:
    """As RFC 5321 has it: one refusal a connection, and the rest is not looked at."""
    words = ReplyText(code=421, status="4.7.26", text="SPF is missing")
    replies = SMALL.isps["gmail"].replies.model_copy(update={"gates": {"spf": words}})
    world = World(kind(gates=Gates(spf="always"), replies=replies), _spoilt("spf"))
    verdict = world.send(0.0, 50, slots=3)
    assert (verdict.closed, verdict.unsent, verdict.replies[0][1]) == (True, 47, 3)


def test_providers_know_what_the_scenario_says_of_its_mail() -> None:
    """Authentication is a server's, by its source IP; one-click a campaign's."""
    scenario = kind(gates=Gates(dkim="always", one_click="always"))
    one = scenario.servers["one"].model_copy(update={"authentication": Authentication(dkim=False)})
    scenario = scenario.model_copy(update={"servers": {**scenario.servers, "one": one}})
    block, draws = Mailing(scenario).blocks[0], Draws(scenario, 1)
    ours = providers(scenario)["gmail"]
    sent = [
        ours.receive(0.0, Attempt(server.source_ip, Parcel(block.lot, block.first, 1)), draws)
        for server in scenario.servers.values()
    ]
    assert [accepted(verdict) for verdict in sent] == [0, 1, 1]
    campaigns = {
        name: campaign.model_copy(update={"one_click": False})
        for name, campaign in scenario.campaigns.items()
    }
    theirs = providers(scenario.model_copy(update={"campaigns": campaigns}))["gmail"]
    attempt = Attempt(scenario.servers["two"].source_ip, Parcel(block.lot, block.first, 1))
    assert not accepted(theirs.receive(0.0, attempt, draws))


# -- networks and memory


@pytest.mark.parametrize(
    ("source", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2::77", "2001:db8:1:2::/64"),
        ("server:mta-1", ""),
        ("", ""),
    ],
)
def test_networks(source: str, network: str) -> None:
    """IPv4 by the prefix, IPv6 by 64 bits, names by nothing."""
    assert network_of(source, 24) == network


def test_reviews_are_thinned_where_they_are_too_many() -> None:
    """Memory is bounded; the first review and an even spacing stay."""
    archive = Archive(kept=100)
    histories = [archive.open() for _ in range(3)]
    for minute in range(2000):
        for history in histories:
            history.append((60.0 * minute, 1.0, 1.0, 1.0, minute / 2000, False))
    assert sum(map(len, histories)) <= 100
    for history in histories:
        times = [row[0] for row in history]
        assert times[0] == 0.0
        assert times[-1] >= 60.0 * 1999 - archive.spacing
        assert all(b - a >= archive.spacing for a, b in pairwise(times))
