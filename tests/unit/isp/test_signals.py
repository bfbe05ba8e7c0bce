"""What a provider hears of a sender, and what comes of it: traps, lists, content, neighbours."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from mstoolkit.config import Profile, Scenario, Segment
from mstoolkit.config.blocklists import Blocklist
from mstoolkit.config.mailing import Mailing
from mstoolkit.config.profile import Banner, Blocklisting, Content, Dynamic, RateLimit
from mstoolkit.config.replies import Gates
from mstoolkit.config.reputation import Reputation
from mstoolkit.config.scenario import Listing, Neighbours
from mstoolkit.isp import Attempt, Draws, Provider, Truth, Verdict, providers
from mstoolkit.isp.blocklists import Blocklists
from mstoolkit.isp.content import junked, refused
from mstoolkit.isp.draws import LIVE, RECYCLED, TRAP, kinds
from mstoolkit.isp.multipliers import Multipliers
from mstoolkit.isp.standing import Flow
from mstoolkit.model import Parcel
from mstoolkit.testing import small_scenario

ONE, NEIGHBOUR, FAR = "192.0.2.1", "192.0.2.9", "198.51.100.1"
SMALL = small_scenario(4000)
DAY = 86400.0
QUIET: dict[str, Any] = {
    "rate": RateLimit(cautious=1e6, ceiling=1e6),
    "growth": None,
    "escalation": None,
    "gates": Gates(),
    "busy": 0.0,
    "spam_rejected": 0.0,
    "dsn": 0.0,
}
STRICT = {"strict": Blocklist(title="A strict list", pristine=2, lasts=3600.0, window=DAY)}


def gmail(**changes: Any) -> Profile:
    return SMALL.isps["gmail"].model_copy(update={**QUIET, **changes})


def scenario_of(profile: Profile, score: float = 0.0, **traits: float) -> Scenario:
    """Return a scenario with one kind of recipients, healthy but for the traits given."""
    segment = Segment(share=1.0, opens=0.2, **traits)
    segments = dict.fromkeys(SMALL.audience.segments, segment)
    campaigns = {k: c.model_copy(update={"content": score}) for k, c in SMALL.campaigns.items()}
    return SMALL.model_copy(
        update={
            "audience": SMALL.audience.model_copy(update={"segments": segments}),
            "campaigns": campaigns,
            "isps": {**SMALL.isps, "gmail": profile},
        }
    )


class World:
    """A provider and mail for it."""

    def __init__(self, scenario: Scenario, **more: Any) -> None:
        self.draws = Draws(scenario, 1)
        self.block = Mailing(scenario).blocks[0]
        content = {name: each.content for name, each in scenario.campaigns.items()}
        profile, segments = scenario.isps["gmail"], scenario.audience.segments
        warm = dict.fromkeys((ONE, NEIGHBOUR, FAR), 1.0)
        self.isp = Provider("gmail", profile, segments, warm, content=content, **more)

    def send(self, now: float, n: int = 100, first: int = -1, source: str = ONE) -> Verdict:
        start = first if first < 0 else self.block.first + first
        parcel = Parcel(self.block.lot, start, n, parent=int(now))
        return self.isp.receive(now, Attempt(source, parcel), self.draws)

    def latest(self, now: float, source: str = ONE) -> Truth:
        """Let it be reviewed, and return what came of it."""
        self.isp.connect(now, source)
        return [row for row in self.isp.truth() if row.source_ip == source][-1]


def count(verdict: Verdict, *, positive: bool = True) -> int:
    return sum(n for reply, n in verdict.replies if reply.positive == positive)


# -- spam traps


def test_addresses_are_drawn_as_the_segment_says() -> None:
    """Shares of traps and recycled addresses are those of the segment."""
    segment = Segment(share=1.0, opens=0.1, unknown=0.1, traps=0.05, recycled=0.15)
    drawn = (np.arange(10_000) + 0.5) / 10_000
    found = kinds(drawn, segment)
    shares = [float(np.mean(found == kind)) for kind in (LIVE, TRAP, RECYCLED)]
    assert shares == pytest.approx([0.7, 0.05, 0.15])


@pytest.mark.parametrize("n", [1, 100])
def test_traps_accept_and_tell(n: int) -> None:
    """Mail to traps is accepted, nobody reads it, and the reputation pays for it."""
    world = World(scenario_of(gmail(), traps=0.02))
    clean = World(scenario_of(gmail()))
    for k in range(0, 600, n):
        assert count(world.send(0.0, n, k)) == count(clean.send(0.0, n, k)) == n
    spoilt, spotless = world.latest(120.0), clean.latest(120.0)
    people = world.draws.people[world.block.lot.list]
    mine = people.address[world.block.first : world.block.first + 600]
    assert spoilt.trapped == int(np.sum(mine == TRAP)) > 0
    assert spotless.trapped == 0
    expected = (400 + 600) / (400 + 600 + 200 * spoilt.trapped)
    assert spoilt.reputation == pytest.approx(expected, rel=0.01)
    assert spotless.reputation == 1.0


def test_a_recycled_trap_weighs_less() -> None:
    """An address that was somebody's is held against the sender less than one that never was."""
    pristine = World(scenario_of(gmail(), traps=0.02))
    recycled = World(scenario_of(gmail(), recycled=0.02))
    for world in (pristine, recycled):
        world.send(0.0, 600, 0)
    assert pristine.latest(120.0).trapped == recycled.latest(120.0).trapped
    assert pristine.latest(120.0).reputation < recycled.latest(120.0).reputation < 1.0


# -- blocklists


def test_so_many_hits_within_the_window_bring_a_listing() -> None:
    """One hit is not enough, two in a day are; after the list's time the address is off again."""
    lists = Blocklists(STRICT)
    lists.hit(0.0, ONE, "pristine")
    lists.hit(2 * DAY, ONE, "pristine")
    assert lists.listed(2 * DAY, ONE, ("strict",)) is None
    lists.hit(2 * DAY + 10.0, ONE, "pristine")
    assert lists.listed(2 * DAY + 5.0, ONE, ("strict",)) is None, "that lies ahead"
    found = lists.listed(2 * DAY + 10.0, ONE, ("strict",))
    assert found == ("strict", 2 * DAY + 10.0 + 3600.0)
    assert lists.listed(2 * DAY + 10.0, ONE, ("another",)) is None
    assert lists.listed(2 * DAY + 10.0, FAR, ("strict",)) is None
    assert lists.listed(2 * DAY + 4000.0, ONE, ("strict",)) is None


def test_listed_again_it_takes_longer() -> None:
    """The second listing in the list's memory is `again` times as long, and so on."""
    rules = Blocklist(title="x", recycled=1, lasts=100.0, window=10.0, again=3.0, remembers=1000.0)
    lists, lengths = Blocklists({"x": rules}), []
    for at in (0.0, 500.0, 1500.0, 9000.0):
        lists.hit(at, ONE, "recycled")
        found = lists.listed(at, ONE, ("x",))
        assert found is not None
        lengths.append(found.until - at)
    assert lengths == [100.0, 300.0, 900.0, 100.0]


def test_a_list_of_networks_names_the_neighbours() -> None:
    """Where a list names networks, the whole /24 is on it; a name stands alone."""
    rules = Blocklist(title="x", complaints=1, lasts=100.0, window=10.0, scope="network")
    lists = Blocklists({"x": rules})
    lists.hit(0.0, ONE, "complaints")
    lists.hit(0.0, "server:a", "complaints")
    listed = [lists.listed(1.0, ip, ("x",)) is not None for ip in (ONE, NEIGHBOUR, FAR)]
    assert listed == [True, True, False]
    assert lists.listed(1.0, "server:a", ("x",)) is not None
    assert lists.listed(1.0, "server:b", ("x",)) is None


def test_lists_survive_a_snapshot() -> None:
    """Hits, those that lie ahead, and listings are kept."""
    lists, again = Blocklists(STRICT), Blocklists(STRICT)
    lists.hit(0.0, ONE, "pristine")
    lists.listed(0.0, ONE, ("strict",))
    lists.hit(50.0, ONE, "pristine")
    again.restore(json.loads(json.dumps(lists.snapshot())))
    for now in (10.0, 60.0, 4000.0):
        assert again.listed(now, ONE, ("strict",)) == lists.listed(now, ONE, ("strict",))


def test_a_listed_address_is_refused_and_the_rest_of_the_pool_is_not() -> None:
    """The provider that consults the list refuses; another that does not is indifferent."""
    lists = Blocklists(STRICT, [(ONE, "strict", 100.0, 7200.0)])
    world = World(scenario_of(gmail(blocklists=("strict",))), blocklists=lists)
    careless = World(scenario_of(gmail(blocklists=())), blocklists=lists)
    assert count(world.send(0.0)) == 100
    verdict = world.send(200.0)
    assert count(verdict) == 0
    assert verdict.replies[0][0].code == world.isp.profile.replies.blocked.code
    assert world.isp.connect(200.0, ONE).code >= 500
    assert count(world.send(200.0, source=NEIGHBOUR)) == 100
    assert count(careless.send(200.0)) == 100
    assert world.latest(200.0).listed
    assert count(world.send(7300.0)) == 100


def test_a_provider_says_that_it_is_the_list() -> None:
    """With a text for it, the reply names the list and not the provider's own opinion."""
    profile = gmail(blocklists=("strict",))
    listed = profile.replies.blocked.model_copy(update={"text": "listed at strict.example"})
    profile = profile.model_copy(
        update={"replies": profile.replies.model_copy(update={"listed": listed})}
    )
    lists = Blocklists(STRICT, [(ONE, "strict", 0.0, 7200.0)])
    world = World(scenario_of(profile), blocklists=lists)
    assert world.send(0.0).replies[0][0].text == "listed at strict.example"


def test_trap_hits_at_one_provider_count_at_another() -> None:
    """The list hears of all mail to its traps; who consults it refuses wherever that went."""
    lists = Blocklists(STRICT)
    lenient = Blocklisting(threshold=0.0, lasts=1.0)
    profile = gmail(blocklists=(), blocklisting=lenient)
    careless = World(scenario_of(profile, traps=0.05), blocklists=lists)
    strict = World(scenario_of(gmail(blocklists=("strict",))), blocklists=lists)
    assert count(strict.send(0.0)) == 100
    careless.send(1.0, 400, 0)
    assert count(careless.send(120.0)) == 100
    assert count(strict.send(120.0)) == 0


def test_a_scenario_can_have_an_address_listed() -> None:
    """`listings` puts a server's address on a list for a while."""
    name = next(iter(SMALL.servers))
    listing = Listing(server=name, blocklist="strict", start=60.0, lasts=600.0)
    scenario = scenario_of(gmail(blocklists=("strict",))).model_copy(
        update={"listings": (listing,), "blocklists": STRICT}
    )
    source = scenario.servers[name].source_ip or f"server:{name}"
    world = providers(scenario)["gmail"]
    assert [world.connect(at, source).code // 100 for at in (0.0, 120.0, 900.0)] == [2, 5, 2]


# -- content


def test_content_is_junked_and_refused_by_its_score() -> None:
    """Spotless mail is judged by its sender; at each threshold half is over it, far above all."""
    rules = Content()
    assert (junked(0.0, rules), refused(0.0, rules)) == (0.0, 0.0)
    assert (junked(6.0, rules), refused(15.0, rules)) == (0.5, 0.5)
    assert junked(12.0, rules) > 0.99 > 0.06 > refused(12.0, rules)


@pytest.mark.parametrize("n", [1, 300])
def test_bad_content_is_refused(n: int) -> None:
    """A campaign at the reject score loses half of its mail, singly and in parcels."""
    world = World(scenario_of(gmail(), score=15.0))
    spam = sum(count(world.send(0.0, n, k), positive=False) for k in range(0, 900, n))
    assert spam / 900 == pytest.approx(0.5, abs=0.05)


# -- neighbours, engagement, moving limits, banners


def test_neighbours_share_the_address() -> None:
    """Good company keeps an address warm and takes room; bad company ruins its reputation."""
    limit = RateLimit(cautious=1.0, ceiling=10.0, warmup_volume=1000)

    def after_a_day(flow: Flow | None) -> Truth:
        more = {"neighbours": {"203.0.113.1": flow}} if flow else {}
        world = World(scenario_of(gmail(rate=limit)), **more)
        world.latest(0.0, "203.0.113.1")
        return world.latest(DAY, "203.0.113.1")

    alone, good, bad = (after_a_day(f) for f in (None, Flow(1.0, 0.0), Flow(1.0, 0.8)))
    assert (alone.warmth, good.warmth) == (0.0, 1.0)
    assert alone.rate == pytest.approx(1.0)
    assert good.rate == pytest.approx(10.0 - 1.0)
    assert bad.reputation < 0.3 < 0.99 < good.reputation


def test_neighbours_come_from_the_scenario() -> None:
    """Each provider has its audience's share of what the neighbours send."""
    name = next(iter(SMALL.servers))
    server = SMALL.servers[name].model_copy(update={"neighbours": Neighbours(rate=2.0, bad=1.0)})
    scenario = SMALL.model_copy(update={"servers": {**SMALL.servers, name: server}})
    source = server.source_ip or f"server:{name}"
    world = providers(scenario)
    for isp in world.values():
        isp.connect(0.0, source)
        isp.connect(DAY, source)
    reputation = {k: isp.truth()[-1].reputation for k, isp in world.items()}
    assert max(reputation.values()) < 0.2


@pytest.mark.parametrize(("opens", "deletes", "better"), [(0.5, 0.0, True), (0.0, 0.5, False)])
def test_reading_and_deleting_are_signals(opens: float, deletes: float, better: bool) -> None:
    """Where a profile counts them, mail that is read makes up for what is bad; deletions add."""
    rules = Reputation(half_life=DAY, prior=10, complaint=0, unknown=5, pushed=0)
    engaged = rules.model_copy(update={"read": 5.0, "deleted": 5.0})
    seen = []
    for reputation in (rules, engaged):
        scenario = scenario_of(gmail(reputation=reputation), unknown=0.1, deletes=deletes)
        segments = {
            k: s.model_copy(update={"opens": opens}) for k, s in scenario.audience.segments.items()
        }
        audience = scenario.audience.model_copy(update={"segments": segments})
        world = World(scenario.model_copy(update={"audience": audience}))
        world.latest(0.0)
        for k in range(5):
            world.send(60.0 * k, 100, 100 * k)
        seen.append(world.latest(600.0).reputation)
    assert (seen[1] > seen[0]) == better
    assert seen[1] != seen[0]


def test_the_dynamic_limit_follows_the_verdicts() -> None:
    """Rspamd's multipliers: up by 1 % and 2 % a good message, down for a bad one, in bounds."""
    moving = Multipliers(Dynamic())
    moving.learn(0.0, 0.0, 20.0)
    assert [moving.rate, moving.burst] == pytest.approx([0.99**20, 0.98**20])
    moving.learn(1.0, 1e9, 0.0)
    assert (moving.rate, moving.burst) == (5.0, 10.0)
    moving.learn(2.0, 0.0, 1e9)
    assert [moving.rate, moving.burst] == pytest.approx([0.2, 0.1])
    moving.learn(2.0 + 3 * DAY, 0.0, 0.0)
    assert (moving.rate, moving.burst) == (1.0, 1.0)


def test_a_dynamic_limit_opens_for_good_mail() -> None:
    """An address whose mail is good has up to five times the limit."""
    limit = RateLimit(cautious=10.0, ceiling=10.0, dynamic=Dynamic())
    world = World(scenario_of(gmail(rate=limit)))
    first = world.latest(0.0).rate
    world.send(1.0, 500, 0)
    assert [first, world.latest(120.0).rate] == pytest.approx([10.0, 50.0])


def test_a_disliked_address_waits_for_the_banner() -> None:
    """From the good wait to the bad one, as reputation falls."""
    rules = Reputation(half_life=DAY, prior=100, complaint=0, unknown=1, pushed=0)
    scenario = scenario_of(gmail(banner=Banner(good=1.0, bad=21.0), reputation=rules), unknown=1.0)
    world = World(scenario)
    assert world.isp.banner(ONE) == 1.0
    world.latest(0.0)
    world.send(1.0, 100, 0)
    world.latest(120.0)
    assert world.isp.banner(ONE) == pytest.approx(11.0, abs=0.1)
