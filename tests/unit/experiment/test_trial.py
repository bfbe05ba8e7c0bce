"""Trials of one provider: a plan is followed, and told where it breaks."""

from __future__ import annotations

import pandas as pd
import pytest

from mstoolkit.config import Segment, load_profile
from mstoolkit.config.warmup import load_warmup
from mstoolkit.experiment import breaks_on, follow, pauses, recovery, schedules, warm_up

GMAIL = load_profile("gmail")


def test_every_message_of_a_day_is_told_of() -> None:
    """What was offered was accepted, bounced, or is left over."""
    days = warm_up(GMAIL, [100, 20_000, 50])
    total = days["accepted"] + days["bounced"] + days["left"]
    assert total.tolist() == days["offered"].tolist() == [100, 20_000, 50]
    assert days["left"].tolist()[1] > 10_000
    assert breaks_on(days) == 2


def test_the_same_plan_gives_the_same_days() -> None:
    """Another seed has other recipients."""
    first, again, other = (warm_up(GMAIL, [3000, 3000], seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)


def test_each_day_may_have_a_list_of_its_own() -> None:
    """A list with dead addresses on the second day lowers the reputation from then on."""
    good, bad = (Segment(share=1.0, opens=0.2, unknown=share) for share in (0.0, 0.2))
    days = warm_up(GMAIL, [4000] * 3, segment=[good, bad, good], warm=1.0)
    assert days["bounced"].tolist()[1] > 500 > 50 > days["bounced"].tolist()[0]
    assert days["reputation"].idxmin() == 1


def test_a_plan_is_followed_until_it_breaks() -> None:
    """The day is told, what was asked for on it, and the best day before."""
    found = follow(GMAIL, load_warmup("braze-aggressive"))
    assert found.breaks_on == 6
    assert (found.reached, found.day) == (5000, 5)
    assert found.asked == 10_000


def test_a_plan_beyond_the_ceiling_from_the_first_day_on_is_not_tried() -> None:
    """Nothing was reached, and nothing broke."""
    small = load_profile("libero")
    found = follow(small, load_warmup("momentum-per-isp"), "gmail")
    assert found == (0.0, 0, None, 0.0)


def test_pauses_leave_out_who_has_no_ladder() -> None:
    """Only providers that let senders wait are told of."""
    lax = GMAIL.model_copy(update={"escalation": None})
    assert recovery(lax, 10) <= 180.0
    assert pauses(["gmail"])["found"].tolist() == [30.0]


def test_schedules_are_told_by_provider() -> None:
    """A row for each of both."""
    table = schedules(["gmail", "outlook"], ["misar", "salesforce"])
    assert table[["schedule", "isp"]].to_numpy().tolist() == [
        ["misar", "gmail"],
        ["misar", "outlook"],
        ["salesforce", "gmail"],
        ["salesforce", "outlook"],
    ]
    assert table["breaks_on"].fillna(0).tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("volumes", [[], [0, 0]])
def test_days_without_mail(volumes: list[int]) -> None:
    """Nothing is sent and nothing is wrong."""
    days = warm_up(GMAIL, volumes)
    assert len(days) == len(volumes)
