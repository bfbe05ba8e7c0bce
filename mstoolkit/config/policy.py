"""A sending policy as a file states it: rotation, weighting, limits, failover, retry and rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, model_validator

from mstoolkit.config.base import Frozen
from mstoolkit.config.errors import ConfigError
from mstoolkit.config.failover import Failover
from mstoolkit.config.isolation import CanarySpec
from mstoolkit.config.ordering import Ordering
from mstoolkit.config.pacing import Pacing
from mstoolkit.config.preset import load_preset, with_preset
from mstoolkit.config.retry import Retry
from mstoolkit.config.rotation import RotationSpec
from mstoolkit.config.routing import RouteSpec
from mstoolkit.config.rules import Rule, load_rules
from mstoolkit.config.units import WRITTEN
from mstoolkit.config.weighting import StaticWeighing, Weighting


def _rules(given: object) -> object:
    """Replace the names of shipped rule sets, and paths of rule files, by their rules."""
    if isinstance(given, str):
        given = (given,)
    if not isinstance(given, list | tuple):
        return given
    out: list[object] = []
    for each in given:
        if not isinstance(each, str):
            out.append(each)
            continue
        try:
            out += load_rules(each).rules
        except ConfigError as error:
            raise ValueError(str(error)) from None
    return out


def _named_apart(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """Refuse rules that counts and logs could not tell apart."""
    seen: set[str] = set()
    for rule in rules:
        if rule.name in seen:
            raise ValueError(f"there are two rules {rule.name!r}; rename one")
        seen.add(rule.name)
    return rules


# Rotations that let mail go by other things than the weights by which canaries are held.
_SHARELESS = frozenset({"round-robin", "batch", "interval", "thompson", "highest-draw"})


class Policy(Frozen):
    """One strategy: every part is named and replaceable.

    ``preset`` names a shipped policy that behaves as another mail server does (see
    `policy_names`); a part that is given beside it replaces the preset's whole part. It is replaced
    by its parts when it is read, so that a log keeps what was done. Without it ``rotation`` has to
    be given.

    ``canaries`` are servers on trial, whose share rises by steps; the rotation must be one that
    shares mail out by weight.

    ``rules`` names shipped sets of reply rules (``"gmail"``, or ``"default"`` for all of them) or
    files of your own; a log keeps the rules themselves.
    """

    rotation: RotationSpec
    routes: tuple[RouteSpec, ...] = ()
    weighting: Weighting = (StaticWeighing(),)
    pacing: Pacing = Pacing()
    failover: Failover = Failover()
    ordering: Ordering = Ordering()
    canaries: dict[str, CanarySpec] = {}
    retry: Retry = Retry()
    rules: Annotated[tuple[Rule, ...], BeforeValidator(_rules), AfterValidator(_named_apart)] = ()

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, given: Any) -> Any:
        return with_preset(given) if isinstance(given, Mapping) else given

    @model_validator(mode="after")
    def _canaries_have_shares(self) -> Self:
        if self.canaries and self.rotation.kind in _SHARELESS:
            raise ValueError(
                f"canaries: the rotation {self.rotation.kind!r} does not share mail out by weight, "
                f'so that no server can be held to a share; use "smooth-weighted"'
            )
        return self


def load_policy(name: str) -> Policy:
    """Return a shipped policy that behaves as another mail server does.

    Parameters
    ----------
    name : str
        One of `policy_names`.

    Raises
    ------
    ConfigError
        If there is no such policy.

    Examples
    --------
    >>> load_policy("kumomta").rotation
    InterleavedSpec(kind='interleaved', start='kumomta')
    """
    return Policy.model_validate(load_preset(name).parts, context=WRITTEN)
