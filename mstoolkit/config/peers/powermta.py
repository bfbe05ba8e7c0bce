"""PowerMTA's configuration: virtual MTAs, their pools, and limits by domain.

Directives as in the user's guide of version 5.0: ``<virtual-mta>``, ``<virtual-mta-pool>``,
``<domain>``, ``domain-macro``; the pattern lists are read by `read_powermta`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from itertools import chain, repeat
from typing import NamedTuple

from mstoolkit.config.pacing import Pacing
from mstoolkit.config.peers.found import (
    UNLIMITED_MESSAGES,
    UNLIMITED_RATE,
    Domains,
    Found,
    Gathered,
    LimitsOf,
    Text,
    give_up_after,
)
from mstoolkit.config.peers.powermta_rules import read_powermta
from mstoolkit.config.peers.reading import ForeignError, foreign_count, foreign_duration, tag
from mstoolkit.config.retry import Retry

# Of <domain *>: max-smtp-out 20; neither rate nor messages a connection are limited.
DEFAULT = Pacing(
    rate=UNLIMITED_RATE,
    burst=int(UNLIMITED_RATE),
    connections=20,
    messages_per_connection=UNLIMITED_MESSAGES,
)
_RETRY_AFTER, _BOUNCE_AFTER = "10m", "4d12h"
_ROTATION = {"kind": "round-robin"}

_COMMENT = re.compile(r"(?:^|\s)#.*")
_MACRO = re.compile(r"\$(\w[\w-]*)")
_RULES = {"smtp-pattern-list", "backoff-max-msg-rate", "backoff-retry-after"}
_RULES |= {"backoff-to-normal-after", "reenable-source-ip-after"}
_HERE = "is not carried over"
_DEPTH = 20


class _Block(NamedTuple):
    kind: str
    name: str
    line: int


class _Line(NamedTuple):
    file: str
    number: int
    directive: str
    value: str

    @property
    def words(self) -> list[str]:
        return self.value.split()


def read_powermta_files(files: Sequence[Text], *, pool: str | None = None) -> Found:
    """Read a PowerMTA configuration.

    Parameters
    ----------
    files : sequence of Text
        The configuration and what it includes: include lines are told, not followed.
    pool : str, optional
        The ``<virtual-mta-pool>`` to carry over; by default the largest.

    Raises
    ------
    ConfigError
        If there is no such pool, or no virtual MTA.

    Examples
    --------
    >>> found = read_powermta_files([Text("config", '''
    ... <virtual-mta v1>
    ...     smtp-source-host 192.0.2.1 v1.example.com
    ... </virtual-mta>
    ... <domain *>
    ...     max-msg-rate 100/h
    ... </domain>
    ... ''')])
    >>> found.servers["v1"].source_ip, round(found.policy.pacing.rate * 3600)
    ('192.0.2.1', 100)
    """
    gathered = Gathered("powermta")
    reader = _Reader(gathered)
    for file in files:
        reader.read(file)
    reader.finish()
    return gathered.found(_ROTATION, pool, DEFAULT)


class _Reader:
    def __init__(self, gathered: Gathered) -> None:
        self._to = gathered
        self._domains = Domains()
        self._macros: dict[str, list[str]] = {}
        self._vmtas: dict[str, list[str]] = {}
        self._retry: dict[str, str] = {}
        self._rule_names: dict[str, str] = {}

    def _note(self, line: _Line, reason: str) -> None:
        self._to.note(line.file, line.number, f"{line.directive}: {reason}")

    def read(self, file: Text) -> None:
        """Read a file; blocks may lie in each other, and end with it."""
        blocks: list[_Block] = []
        for number, raw in enumerate(file.text.splitlines(), 1):
            text = _COMMENT.sub("", raw).strip()
            if found := tag(text):
                kind, name, closes = found
                if closes:
                    self._close(blocks, kind, number, file)
                else:
                    self._open(blocks, _Block(kind, name, number), file)
            elif text:
                directive, *value = text.split(None, 1)
                line = _Line(file.name, number, directive.lower(), value[0] if value else "")
                self._take(line, blocks)
        for block in blocks:
            if block.kind not in ("domain", "smtp-pattern-list"):  # of these the rules tell
                self._to.note(file.name, block.line, f"<{block.kind} {block.name}> is not closed")
        isps = {name: isp for name, isp in self._rule_names.items() if isp}
        self._to.take_rules(read_powermta(file.text, isps=isps), file.name)

    def _open(self, blocks: list[_Block], block: _Block, file: Text) -> None:
        if len(blocks) < _DEPTH:
            blocks.append(block)
        else:
            self._to.note(file.name, block.line, f"<{block.kind}>: lies more than {_DEPTH} deep")
        if block.kind == "virtual-mta":
            self._vmtas.setdefault(block.name, [])
        elif block.kind == "virtual-mta-pool":
            self._to.pools.setdefault(block.name, {})
        elif block.kind == "domain":
            isps = {self._domains.isp(domain) for domain in self._named(block.name)}
            self._rule_names[block.name] = next(iter(isps)) or "" if len(isps) == 1 else ""
        elif block.kind != "smtp-pattern-list":
            self._to.note(file.name, block.line, f"<{block.kind}>: {_HERE}")

    def _close(self, blocks: list[_Block], kind: str, number: int, file: Text) -> None:
        if blocks and blocks[-1].kind == kind:
            blocks.pop()
        elif kind not in ("domain", "smtp-pattern-list"):
            self._to.note(file.name, number, f"</{kind}> closes nothing")

    def _take(self, line: _Line, blocks: list[_Block]) -> None:
        kind = blocks[-1].kind if blocks else ""
        if kind == "domain":
            around = blocks[-2] if len(blocks) > 1 else None
            if around is not None and around.kind != "virtual-mta":
                self._note(line, f"within <{around.kind} {around.name}>: {_HERE}")
            else:
                self._domain_line(line, blocks[-1].name, around.name if around else None)
        elif kind == "virtual-mta":
            self._vmta_line(line, blocks[-1].name)
        elif kind == "virtual-mta-pool":
            self._pool_line(line, blocks[-1].name)
        elif kind == "":
            self._global_line(line)

    def _global_line(self, line: _Line) -> None:
        if line.directive == "domain-macro" and len(line.words) >= 2:
            name, *rest = line.words
            self._macros[name] = [each for each in re.split(r"[,\s]+", " ".join(rest)) if each]
        elif line.directive == "include":
            self._note(line, f"is not followed; give {line.value} as a file too")
        else:
            self._note(line, _HERE)

    def _vmta_line(self, line: _Line, vmta: str) -> None:
        if line.directive != "smtp-source-host":
            self._note(line, _HERE)
            return
        addresses = [word for word in line.words if _is_address(word)]
        if not addresses:
            self._note(line, f"names no address: {line.value[:60]!r}")
        self._vmtas[vmta] += addresses[:1]

    def _pool_line(self, line: _Line, pool: str) -> None:
        if line.directive == "virtual-mta" and line.words:
            self._to.pools[pool][line.words[0]] = 1.0
            if len(line.words) > 1:
                self._note(line, f"only the name is carried over: {line.value[:60]!r}")
        else:
            self._note(line, _HERE)

    def _named(self, written: str) -> list[str]:
        """Return the domains that a block is about, macros replaced."""
        domains: list[str] = []
        for word in re.split(r"[,\s]+", written)[:1000]:
            macro = _MACRO.fullmatch(word)
            domains += self._macros.get(macro[1], [word]) if macro else [word]
        return [domain for domain in domains if domain]

    def _domain_line(self, line: _Line, written: str, vmta: str | None) -> None:
        if line.directive in _RULES:
            return
        if line.directive in ("retry-after", "bounce-after"):
            self._retry_line(line, written, vmta)
            return
        if line.directive == "max-cold-virtual-mta-msg":
            self._note(line, "warm-up plans are not carried over")
            return
        try:
            limits = _limit(line.directive, line.value)
        except ForeignError as error:
            self._note(line, str(error))
            return
        for domain in self._named(written):
            self._limit_of(domain, limits, line, vmta)

    def _limit_of(self, domain: str, limits: LimitsOf, line: _Line, vmta: str | None) -> None:
        if domain == "*":
            to = self._to.common if vmta is None else self._to.by_source.setdefault(vmta, {})
            to |= limits
            return
        isp = self._domains.isp(domain)
        if isp is None:
            self._note(line, f"limits of {domain}, for whom no shipped provider stands")
        elif vmta is None:
            self._to.narrow(isp, limits, line.file, line.number, domain)
        else:
            own = self._to.by_path.setdefault((vmta, isp), {})
            for key, value in limits.items():
                if own.get(key, value) != value:
                    self._note(line, f"differs between domains of {isp}; the lowest holds")
                own[key] = min(own.get(key, value), value)

    def _retry_line(self, line: _Line, written: str, vmta: str | None) -> None:
        if written.strip() != "*":
            self._note(line, "the retry times of one domain; here all mail is retried alike")
        elif vmta is not None and line.directive in self._retry:
            if self._retry[line.directive] != line.value:
                self._note(line, "differs; here all mail is retried alike")
        else:
            try:
                for each in line.value.split(","):
                    foreign_duration(each.strip())
            except ForeignError as error:
                self._note(line, str(error))
            else:
                self._retry[line.directive] = line.value

    def finish(self) -> None:
        """Settle sources, their limits, and how deferred mail is retried."""
        for vmta, addresses in self._vmtas.items():
            self._to.sources[vmta] = addresses[0] if addresses else ""
            if vmta.endswith("-cold"):
                self._to.cold.add(vmta)
                self._to.note("", 0, f"{vmta}: a cold virtual MTA; carried over as a cold server")
            if not addresses:
                self._to.note("", 0, f"{vmta}: has no smtp-source-host")
            for address in addresses[1:]:
                self._to.note("", 0, f"{vmta}: has several addresses, of which the first is "
                              f"carried over, and {address} is not")  # fmt: skip
        if self._retry:
            self._to.retry = self._schedule()

    def _schedule(self) -> Retry:
        written = self._retry.get("retry-after", _RETRY_AFTER)
        delays = [foreign_duration(each.strip()) for each in written.split(",")][:100]
        lifetime = foreign_duration(self._retry.get("bounce-after", _BOUNCE_AFTER).split(",")[0])
        attempts = give_up_after(chain(delays, repeat(delays[-1])), lifetime)
        return Retry(schedule=tuple(delays), jitter=0.0, attempts=attempts, hints=False)


def _limit(directive: str, value: str) -> LimitsOf:
    """Return our limits for one directive of a ``<domain>``."""
    name = _NUMBERS.get(directive)
    if name is not None:
        return {name: _count(value, name)}
    if directive not in ("max-msg-rate", "max-connect-rate"):
        raise ForeignError(_HERE)
    none = value.lower() in ("unlimited", "0")
    count, seconds = (int(UNLIMITED_RATE), 1.0) if none else foreign_count(value)
    if directive == "max-connect-rate":
        return {"connection_rate": count / seconds}
    if none:
        return {"rate": UNLIMITED_RATE, "burst": int(UNLIMITED_RATE)}
    # The guide states no burst. The period's count at once would be a guess; one is the least.
    return {"rate": count / seconds, "burst": 1}


_NUMBERS: Mapping[str, str] = {
    "max-smtp-out": "connections",
    "max-msg-per-connection": "messages_per_connection",
}


def _count(value: str, name: str) -> int:
    if value.lower() == "unlimited" or (value == "0" and name == "messages_per_connection"):
        return UNLIMITED_MESSAGES
    if not re.fullmatch(r"\d{1,9}", value):
        raise ForeignError(f"is no number: {value[:60]!r}")
    if not int(value):
        raise ForeignError("0 would send nothing, and is left out")
    return int(value)


def _is_address(word: str) -> bool:
    try:
        ip_address(word)
    except ValueError:
        return False
    return True
