"""All mailbox providers of a scenario, with what they can tell of its mail."""

from __future__ import annotations

from mstoolkit.config import Scenario
from mstoolkit.config.scenario import source_ip
from mstoolkit.isp.gates import Credentials
from mstoolkit.isp.provider import Provider


def providers(scenario: Scenario) -> dict[str, Provider]:
    """Return fresh providers of a scenario, by ISP name.

    Examples
    --------
    >>> from mstoolkit.config import load_scenario
    >>> sorted(providers(load_scenario("quickstart")))[:3]
    ['apple', 'comcast', 'gmail']
    """
    servers = {source_ip(name, server): server for name, server in scenario.servers.items()}
    warm = {ip: server.warm for ip, server in servers.items()}
    credentials = Credentials(
        {ip: server.authentication for ip, server in servers.items()},
        {name: campaign.one_click for name, campaign in scenario.campaigns.items()},
    )
    return {
        name: Provider(name, profile, scenario.audience.segments, warm, credentials)
        for name, profile in scenario.isps.items()
    }
