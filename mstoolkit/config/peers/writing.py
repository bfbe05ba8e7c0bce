"""A strategy of a scenario, written for another system."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mstoolkit.config.errors import ConfigError
from mstoolkit.config.explain import suggestion
from mstoolkit.config.peers.found import SYSTEMS, System
from mstoolkit.config.peers.reduced import Draft, Exported
from mstoolkit.config.peers.to_kumomta import to_kumomta
from mstoolkit.config.peers.to_postfix import to_postfix
from mstoolkit.config.peers.to_powermta import to_powermta
from mstoolkit.config.scenario import Scenario

_WRITERS: Mapping[str, tuple[str, Callable[[Draft], Exported]]] = {
    "kumomta": ("KumoMTA", to_kumomta),
    "powermta": ("PowerMTA", to_powermta),
    "postfix": ("Postfix", to_postfix),
}


def export(scenario: Scenario, strategy: str, to: System) -> Exported:
    """Write a strategy as another system's configuration, and tell what is lost.

    Parameters
    ----------
    scenario : Scenario
        The servers and their limits.
    strategy : str
        One of the scenario's strategies.
    to : str
        ``"kumomta"``, ``"powermta"`` or ``"postfix"``.

    Raises
    ------
    ConfigError
        If there is no such strategy or system.

    Examples
    --------
    >>> from mstoolkit.config import load_scenario
    >>> exported = export(load_scenario("quickstart"), "smooth-weighted", "powermta")
    >>> list(exported.files), exported.reduced.rotation.kind
    (['config'], 'round-robin')
    """
    if strategy not in scenario.strategies:
        raise ConfigError(
            f"there is no strategy {strategy!r} in {scenario.name}",
            key="strategy",
            remedy=suggestion(strategy, list(scenario.strategies)),
        )
    if to not in _WRITERS:
        raise ConfigError(
            f"there is no system {to!r}", key="to", remedy=suggestion(to, list(SYSTEMS))
        )
    title, write = _WRITERS[to]
    return write(Draft(scenario, scenario.strategies[strategy], to, title))
