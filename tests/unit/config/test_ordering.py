"""A policy's ordering: rankings with a place for all mail, weights where they count."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from mstoolkit.config.ordering import Ordering
from mstoolkit.config.units import WRITTEN


def written(tree: dict[str, Any]) -> Ordering:
    return Ordering.model_validate(tree, context=WRITTEN)


def test_default() -> None:
    """Transactional first, retries first, then as it comes."""
    assert Ordering().model_dump() == {
        "streams": ("transactional", "*"),
        "campaigns": "first",
        "segments": ("*",),
        "retries": "first",
        "weights": {},
    }


def test_all_keys_are_read_and_dumped() -> None:
    """What a file states comes back from its dump."""
    tree = {
        "streams": ["transactional", "news", "*"],
        "campaigns": "fair",
        "segments": ["active", "*", "lapsed"],
        "retries": "by-age",
        "weights": {"spring": 2, "autumn": 0.5},
    }
    ordering = written(tree)
    assert ordering.weights == {"spring": 2.0, "autumn": 0.5}
    assert Ordering.model_validate_json(ordering.model_dump_json()) == ordering


@pytest.mark.parametrize(
    ("tree", "key", "problem"),
    [
        ({"streams": ["transactional"]}, "streams", r'add "\*" for all'),
        ({"segments": []}, "segments", r'add "\*" for all'),
        ({"streams": ["news", "*", "news"]}, "streams", "names 'news' twice; name it once"),
        ({"weights": {"spring": 2}}, "", 'weights: count only .* add campaigns = "fair"'),
        ({"campaigns": "fair", "weights": {"spring": 0}}, "weights", "greater than or equal"),
        ({"campaigns": "fair", "weights": {"spring": 1e9}}, "weights", "less than or equal"),
        ({"campaigns": "fair", "weights": {"spring": True}}, "weights", "must be a number"),
        ({"campaigns": "equal"}, "campaigns", "'fair' or 'first'"),
        ({"retries": "never"}, "retries", "'first', 'last' or 'by-age'"),
        ({"stream": ["*"]}, "stream", "not permitted"),
    ],
)
def test_refusals_name_the_key(tree: dict[str, Any], key: str, problem: str) -> None:
    """What is wrong is refused, with the key and, where it is ours to say, the remedy."""
    with pytest.raises(ValidationError, match=problem) as refused:
        written(tree)
    assert str(next(iter(refused.value.errors()[0]["loc"]), "")) == key
