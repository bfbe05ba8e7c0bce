"""From a recipient's domain to its mailbox provider, and to a name for a site that is not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mstoolkit.config.errors import ConfigError
from mstoolkit.config.profile import Profile


class Resolver:
    """Finds the mailbox provider (ISP) of a recipient domain.

    Names are compared without regard to case, a dot at the end, or whether they are written in
    Unicode or in ASCII (IDNA 2003, as Python's own codec has it).

    Who answers is the host: a provider that another one hosts resolves to that one, if it is among
    the profiles. So cox.net is Yahoo's since 2024: limits, replies and reputation are Yahoo's, and
    Cox's own count only where Yahoo is not among the profiles, or for days before.

    Parameters
    ----------
    profiles : mapping of str to Profile
        Providers by name, with their ``domains`` and ``mx_suffixes``.
    other : str
        What all others are called.
    day : str, optional
        The day that is asked about, as ``"2023-12-31"``; who is hosted by whom later does not
        count. By default all who are hosted today are.

    Raises
    ------
    ConfigError
        If two providers claim the same domain or the same suffix.

    Examples
    --------
    >>> from mstoolkit.config import load_profile
    >>> resolver = Resolver({"gmail": load_profile("gmail")}, other="other")
    >>> resolver.isp("GMail.com"), resolver.isp("corp.example", ["aspmx.l.google.com"])
    ('gmail', 'gmail')
    >>> resolver.isp("corp.example", ["mx.notgoogle.com"])
    'other'
    >>> hosted = {name: load_profile(name) for name in ("cox", "yahoo")}
    >>> Resolver(hosted).isp("cox.net"), Resolver(hosted, day="2019-06-30").isp("cox.net")
    ('yahoo', 'cox')
    """

    def __init__(self, profiles: Mapping[str, Profile], other: str = "", *, day: str = "") -> None:
        self._other = other
        self._hosts = {
            name: profile.hosted_by
            for name, profile in profiles.items()
            if profile.hosted_by in profiles and (not day or profile.hosted_since <= day)
        }
        self._domains: dict[str, str] = {}
        self._suffixes: dict[str, str] = {}
        for name, profile in profiles.items():
            _claim(self._domains, name, profile.domains, "domains", "domain")
            _claim(self._suffixes, name, profile.mx_suffixes, "mx_suffixes", "MX suffix")

    def isp(self, domain: str, mx: Sequence[str] = ()) -> str:
        """Return the name of the provider that takes the mail of a domain.

        The domain itself goes first. Then the MX hosts tell, so that domains of companies roll up
        to the provider that hosts them: the first host with a known suffix counts, and of several
        suffixes the longest.

        Parameters
        ----------
        domain : str
            The recipient's domain.
        mx : sequence of str
            Its MX hosts, the most preferred first.
        """
        known = self._domains.get(_ascii(domain))
        if known is not None:
            return self._hosts.get(known, known)
        for host in mx:
            found = self._by_suffix(_ascii(host))
            if found is not None:
                return self._hosts.get(found, found)
        return self._other

    def _by_suffix(self, host: str) -> str | None:
        while host:
            found = self._suffixes.get(host)
            if found is not None:
                return found
            host = host.partition(".")[2]
        return None


def site_name(hosts: Sequence[str]) -> str:
    """Return one name for a set of MX hosts, as KumoMTA rolls them up.

    Labels are lined up from the right. Where they differ the alternatives stand in brackets, in the
    order in which they come; where some hosts have none, a question mark follows. Sites that answer
    with the same hosts thus have one name, if hosts of the same preference are given in one order.

    Parameters
    ----------
    hosts : sequence of str
        MX hosts, the most preferred first.

    Examples
    --------
    >>> site_name(["mta5.am0.yahoodns.net", "mta6.am0.yahoodns.net"])
    '(mta5|mta6).am0.yahoodns.net'
    >>> site_name(["gmail-smtp-in.l.google.com", "alt1.gmail-smtp-in.l.google.com"])
    'alt1?.gmail-smtp-in.l.google.com'
    """
    names = [name.split(".")[::-1] for name in map(_ascii, hosts) if name != ""]
    depth = max(map(len, names), default=0)
    return ".".join(
        _alternatives([name[k] if k < len(name) else "" for name in names])
        for k in reversed(range(depth))
    )


def _alternatives(labels: Sequence[str]) -> str:
    kinds = list(dict.fromkeys(label for label in labels if label))
    text = kinds[0] if len(kinds) == 1 else f"({'|'.join(kinds)})"
    return text if all(labels) else f"{text}?"


def _claim(claims: dict[str, str], name: str, given: Sequence[str], field: str, what: str) -> None:
    for each in given:
        key = _ascii(each).removeprefix(".")
        holder = claims.setdefault(key, name)
        if holder != name:
            raise ConfigError(
                f"{holder!r} and {name!r} both claim the {what} {key!r}",
                key=f"isps.{name}.{field}",
                remedy="take it out of one of them",
            )


def _ascii(name: str) -> str:
    """Return a name in lower case, in ASCII and without a dot at the end."""
    name = name.strip().rstrip(".").lower()
    if name.isascii():
        return name
    try:
        return name.encode("idna").decode("ascii").rstrip(".").lower()
    except UnicodeError:
        return name  # no domain at all; it will match none
