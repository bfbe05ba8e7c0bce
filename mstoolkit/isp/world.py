"""All mailbox providers of a scenario, with what they can tell of its mail."""

from __future__ import annotations

from mstoolkit.config import Scenario
from mstoolkit.config.scenario import source_ip
from mstoolkit.isp.blocklists import Blocklists
from mstoolkit.isp.gates import Credentials
from mstoolkit.isp.provider import Provider
from mstoolkit.isp.standing import Flow


def providers(scenario: Scenario) -> dict[str, Provider]:
    """Return fresh providers of a scenario, by ISP name.

    Examples
    --------
    >>> from mstoolkit.config import load_scenario
    >>> sorted(providers(load_scenario("quickstart")))[:3]
    ['apple', 'comcast', 'gmail']
    """
    servers = {source_ip(name, server): server for name, server in scenario.servers.items()}
    credentials = Credentials(
        {ip: server.authentication for ip, server in servers.items()},
        {name: campaign.one_click for name, campaign in scenario.campaigns.items()},
    )
    blocklists = _blocklists(scenario)
    return {
        name: Provider(
            name,
            profile,
            scenario.audience.segments,
            {ip: server.warm for ip, server in servers.items()},
            credentials,
            blocklists=blocklists,
            content={name: campaign.content for name, campaign in scenario.campaigns.items()},
            neighbours=_neighbours(scenario, name),
        )
        for name, profile in scenario.isps.items()
    }


def _blocklists(scenario: Scenario) -> Blocklists:
    """Return the lists of the scenario, with who is on them anyway."""
    listings = (
        (
            source_ip(each.server, scenario.servers[each.server]),
            each.blocklist,
            each.start,
            each.start + each.lasts,
        )
        for each in scenario.listings
    )
    return Blocklists(scenario.blocklists, listings)


def _neighbours(scenario: Scenario, isp: str) -> dict[str, Flow]:
    """Return what others send to a provider from the servers' addresses: its audience's share."""
    share = scenario.audience.isps.get(isp, 0.0)
    return {
        source_ip(name, server): Flow(others.rate * share, others.rate * share * others.bad)
        for name, server in scenario.servers.items()
        if (others := server.neighbours) is not None
    }
