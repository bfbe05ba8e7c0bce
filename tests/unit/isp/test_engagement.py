"""Opens, clicks and prefetches follow placement; draws are what they claim to be."""

from __future__ import annotations

import numpy as np
import pytest

from mstoolkit.config import Segment, load_profile
from mstoolkit.config.mailing import Mailing
from mstoolkit.isp import Draws, providers
from mstoolkit.isp.draws import FULL, LIVE, UNKNOWN
from mstoolkit.isp.reading import habits
from mstoolkit.model import Parcel
from mstoolkit.testing import small_scenario

GMAIL = load_profile("gmail")
READERS = Segment(share=1.0, opens=0.4, clicks=0.1)
SCENARIO = small_scenario(4000)
BLOCK = Mailing(SCENARIO).blocks[0]


def test_opens_fall_as_mail_goes_to_spam() -> None:
    """In the inbox all rates hold, in spam a tenth of the opens, no clicks, no prefetch."""
    readers = habits(GMAIL, READERS)._replace(missing=0.0)
    opened, clicked, fetched = readers.chances(np.array([1.0, 0.5, 0.0]))
    tabs = 1 - 0.5 * (1 - 0.9)  # half of Gmail's inbox are tabs, where one in ten is not read
    assert opened == pytest.approx([0.4 * tabs, 0.2 * tabs + 0.02, 0.04])
    assert clicked == pytest.approx([0.1 * tabs, 0.05 * tabs, 0.0])
    assert fetched == pytest.approx([0.12, 0.06, 0.0])


def test_transactional_mail_is_in_no_tab_and_bad_content_is_not_read() -> None:
    """Codes are read as in a plain inbox; at the filter's threshold half of the mail is not."""
    plain = habits(GMAIL, READERS, "transactional").chances(1.0)
    assert plain[0] == pytest.approx(0.4)
    assert habits(GMAIL, READERS, "news").chances(1.0)[0] == pytest.approx(0.38)
    junk = habits(GMAIL, READERS, "transactional", GMAIL.content.junk).chances(1.0)
    assert junk[0] == pytest.approx(0.2 + 0.49 * 0.04)  # a hundredth of all is missing


def test_nobody_clicks_without_opening() -> None:
    """Clicks are at most the opens of the inbox."""
    odd = Segment(share=1.0, opens=0.01, clicks=0.5)
    opened, clicked, _ = habits(GMAIL, odd).chances(1.0)
    assert clicked <= opened


def test_opened_tells_of_one_message() -> None:
    """Over a whole block: shares as the chances say, and each click has its open before it."""
    isp, draws = providers(SCENARIO)["gmail"], Draws(SCENARIO, 2)
    news = [
        isp.opened(0.0, "192.0.2.1", Parcel(BLOCK.lot, BLOCK.first + k, 1), draws)
        for k in range(BLOCK.n)
    ]
    read = [item for items in news for item in items if item[0] == "opened" and not item.machine]
    clicked = [items for items in news if any(item.kind == "clicked" for item in items)]
    _, inbox = isp.placement("192.0.2.1")
    seen = habits(GMAIL, SCENARIO.audience.segments[BLOCK.lot.segment], "marketing").seen
    assert len(read) / BLOCK.n == pytest.approx(0.43 * inbox[-1] * seen, abs=0.04)
    assert clicked
    for items in clicked:
        times = {item.kind: item.delay for item in items if not item.machine}
        assert times["clicked"] > times["opened"]


def test_delays_have_the_stated_median() -> None:
    """A standard normal draw of 0 is the median, one sigma multiplies by e^sigma."""
    engagement = GMAIL.engagement
    delays = habits(GMAIL, READERS).delay(np.array([0.0, 1.0, -1.0]), False)
    factor = np.exp(engagement.open_sigma)
    median = engagement.open_median
    assert delays == pytest.approx([median, median * factor, median / factor])


def test_a_range_looks_its_own_draws_up() -> None:
    """A parcel's draws are those of its positions, however it is cut."""
    draws = Draws(SCENARIO, 1)
    for purpose in ("open", "delay", "tail"):
        whole = draws.of(purpose, Parcel(BLOCK.lot, 10, 50))
        parts = [draws.of(purpose, Parcel(BLOCK.lot, k, 1)) for k in range(10, 60)]
        assert np.array_equal(whole, np.concatenate(parts))
    again = draws.replies(Parcel(BLOCK.lot, 10, 50, attempt=2))
    assert again.tolist() == [draws.reply("spring", k, 2) for k in range(10, 60)]


@pytest.mark.parametrize("attempt", [0, 1, 3])
def test_draws_are_uniform(attempt: int) -> None:
    """Means and spreads of uniform and normal draws, known and counted."""
    draws = Draws(SCENARIO, 1)
    known = draws.replies(Parcel(BLOCK.lot, 0, 2000, attempt))
    counted = draws.replies(Parcel(BLOCK.lot, -1, 2000, attempt, 0.0, 9))
    for u in (known, counted):
        assert 0.0 <= u.min() <= u.max() < 1.0
        assert u.mean() == pytest.approx(0.5, abs=0.03)
        assert u.std() == pytest.approx(12**-0.5, abs=0.02)
    normal = draws.of("delay", Parcel(BLOCK.lot, -1, 2000, attempt, 0.0, 9))
    assert normal.mean() == pytest.approx(0.0, abs=0.1)
    assert normal.std() == pytest.approx(1.0, abs=0.08)


def test_people_are_as_their_segment_says() -> None:
    """Quiet ones are live, all others are loud and told in order, and stretches average to one."""
    draws = Draws(SCENARIO, 1)
    people = draws.people["spring"]
    quiet = np.frombuffer(people.quiet, bool)
    assert np.sum(people.address == UNKNOWN) > 0
    assert np.sum(people.address == FULL) > 0
    assert not np.any(quiet & (people.address != LIVE))
    positions, addresses, replies, tails = people.loud
    assert positions == np.flatnonzero(~quiet).tolist()
    assert addresses == people.address[positions].tolist()
    assert replies == draws.array("reply", "spring")[positions].tolist()
    assert tails == draws.array("tail", "spring")[positions].tolist()
    assert np.mean(draws.stretch["spring"]) == pytest.approx(1.0, abs=0.02)
