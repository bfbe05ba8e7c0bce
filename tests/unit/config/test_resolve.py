"""Who takes the mail of a domain: by the domain, by its MX hosts, or nobody who is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mstoolkit.config import ConfigError, Profile, isp_names, load_profile
from mstoolkit.config.resolve import Resolver, site_name

GMAIL = load_profile("gmail")
GMAIL_MX = ["gmail-smtp-in.l.google.com", *(f"alt{k}.gmail-smtp-in.l.google.com" for k in (1, 2))]


def profile(domains: list[str], suffixes: list[str]) -> Profile:
    return GMAIL.model_copy(
        update={"domains": tuple(domains), "mx_suffixes": tuple(suffixes)},
    )


@pytest.fixture
def resolver() -> Resolver:
    """All shipped providers."""
    return Resolver({name: load_profile(name) for name in isp_names()}, other="other")


def test_shipped_profiles_do_not_collide(resolver: Resolver) -> None:
    """Each domain of each shipped provider is its own, or that of the provider that hosts it."""
    for name in isp_names():
        profile = load_profile(name)
        for domain in profile.domains:
            assert resolver.isp(domain) == (profile.hosted_by or name)
        for suffix in profile.mx_suffixes:
            assert resolver.isp("x.example", [f"mx.{suffix}"]) == (profile.hosted_by or name)


@pytest.mark.parametrize(
    ("day", "isp"), [("", "yahoo"), ("2023-12-31", "cox"), ("2024-01-01", "yahoo")]
)
def test_who_answers_is_the_host_since_the_move(day: str, isp: str) -> None:
    """cox.net is Cox's before its mailboxes moved and Yahoo's since, whatever its MX is called."""
    resolver = Resolver({name: load_profile(name) for name in ("cox", "yahoo")}, day=day)
    assert resolver.isp("cox.net") == isp
    assert resolver.isp("cox.net", ["mta7.am0.yahoodns.net"]) == isp
    assert resolver.isp("company.example", ["mx.cox.net"]) == isp
    assert resolver.isp("company.example", ["mta7.am0.yahoodns.net"]) == "yahoo"


def test_a_host_that_is_not_there_hosts_nobody() -> None:
    """Without Yahoo among the profiles cox.net is Cox's."""
    assert Resolver({"cox": load_profile("cox")}).isp("cox.net") == "cox"


@pytest.mark.parametrize("domain", ["gmail.com", "GMail.COM", "gmail.com.", " gmail.com"])
def test_ways_to_write_a_domain(resolver: Resolver, domain: str) -> None:
    """Case and a dot at the end do not matter."""
    assert resolver.isp(domain) == "gmail"


@pytest.mark.parametrize("domain", ["bücher.example", "xn--bcher-kva.example", "BÜCHER.example."])
def test_a_domain_beyond_ascii(domain: str) -> None:
    """Unicode and its ASCII form are one name, whichever the profile has."""
    for own in ("bücher.example", "xn--bcher-kva.example"):
        assert Resolver({"mine": profile([own], [])}).isp(domain) == "mine"


@pytest.mark.parametrize("domain", ["", ".", "a..b", "ü" * 80, "\ud800", "münchen..de"])
def test_what_is_no_domain_is_other(resolver: Resolver, domain: str) -> None:
    """Nonsense is not known, and no error."""
    assert resolver.isp(domain, [domain]) == "other"


def test_hosted_domains_roll_up(resolver: Resolver) -> None:
    """A company whose mail Google takes is Gmail's; its own domain says nothing."""
    assert resolver.isp("company.example") == "other"
    assert resolver.isp("company.example", ["ASPMX.L.Google.com."]) == "gmail"


@pytest.mark.parametrize(
    ("host", "isp"),
    [
        ("google.com", "gmail"),
        ("aspmx.l.google.com", "gmail"),
        ("notgoogle.com", "other"),
        ("google.com.example", "other"),
        ("com", "other"),
    ],
)
def test_suffixes_are_whole_labels(resolver: Resolver, host: str, isp: str) -> None:
    """A suffix is matched label by label."""
    assert resolver.isp("company.example", [host]) == isp


def test_the_domain_goes_before_its_hosts(resolver: Resolver) -> None:
    """Who claims the domain has it, whatever its MX hosts are called."""
    assert resolver.isp("yahoo.com", ["aspmx.l.google.com"]) == "yahoo"


def test_the_preferred_host_goes_first(resolver: Resolver) -> None:
    """The most preferred host that says anything decides; a filter before it does not."""
    hosts = ["filter.example", "mta5.am0.yahoodns.net", "aspmx.l.google.com"]
    assert resolver.isp("company.example", hosts) == "yahoo"


def test_the_longest_suffix_wins() -> None:
    """Of suffixes that contain one another the closer one is meant."""
    resolver = Resolver(
        {
            "all": profile(["a.example"], ["outlook.com"]),
            "consumers": profile(["b.example"], [".olc.protection.outlook.com"]),
        }
    )
    assert resolver.isp("x.example", ["hotmail-com.olc.protection.outlook.com"]) == "consumers"
    assert resolver.isp("x.example", ["x-example.mail.protection.outlook.com"]) == "all"


def test_nobody_has_no_name_unless_given(resolver: Resolver) -> None:
    """Without a name for all others it is empty."""
    assert Resolver({}).isp("gmail.com", GMAIL_MX) == ""


@pytest.mark.parametrize(
    ("mine", "key", "said"),
    [
        (profile(["GMAIL.com."], []), "isps.mine.domains", "domain 'gmail.com'"),
        (profile(["my.example"], ["google.com"]), "isps.mine.mx_suffixes", "suffix 'google.com'"),
    ],
)
def test_two_claims_are_refused(mine: Profile, key: str, said: str) -> None:
    """Two providers with the same domain or suffix are both named, and the key of the second."""
    with pytest.raises(ConfigError, match=f"'gmail' and 'mine' both claim the .*{said}") as refused:
        Resolver({"gmail": GMAIL, "mine": mine})
    assert refused.value.key == key
    assert refused.value.remedy


def test_one_may_claim_twice() -> None:
    """The same name twice in one profile is no conflict."""
    twice = profile(["a.example", "A.example"], ["mx.example", ".mx.example"])
    assert Resolver({"mine": twice}).isp("a.example") == "mine"


@pytest.mark.parametrize(
    ("hosts", "name"),
    [
        (GMAIL_MX, "(alt1|alt2)?.gmail-smtp-in.l.google.com"),
        (GMAIL_MX[1:], "(alt1|alt2).gmail-smtp-in.l.google.com"),
        (["mta5.AM0.yahoodns.net.", "mta6.am0.yahoodns.net"], "(mta5|mta6).am0.yahoodns.net"),
        (["mx.example"], "mx.example"),
        (["mx.example", "MX.example."], "mx.example"),
        (["a.one.example", "b.two.example"], "(a|b).(one|two).example"),
        ([], ""),
        (["."], ""),
    ],
)
def test_site_names(hosts: list[str], name: str) -> None:
    """MX hosts roll up as in KumoMTA: alternatives in brackets, what may be missing with a mark."""
    assert site_name(hosts) == name


@given(st.lists(st.from_regex(r"[a-z]{1,3}(\.[a-z]{1,3}){0,3}", fullmatch=True), max_size=4))
def test_a_site_is_named_once(hosts: list[str]) -> None:
    """Naming hosts again, in capitals or with a dot at the end gives the same name."""
    assert site_name([*hosts, *(f"{host.upper()}." for host in hosts)]) == site_name(hosts)
