"""KumoMTA's data files (sources, shaping, queues) and the literal calls of its Lua policies.

Formats: docs.kumomta.com, user guide on sending IPs, traffic shaping and queue management.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, repeat
from typing import Any

from mstoolkit.config.pacing import Pacing
from mstoolkit.config.peers.found import (
    UNLIMITED_RATE,
    Domains,
    Found,
    Gathered,
    LimitsOf,
    Text,
    give_up_after,
)
from mstoolkit.config.peers.kumomta_rules import read_kumomta
from mstoolkit.config.peers.lua import COMPUTED, Call, Table, calls
from mstoolkit.config.peers.reading import LONGEST, ForeignError, foreign_count, foreign_duration
from mstoolkit.config.peers.toml_lines import Path, lines_of, parse_foreign
from mstoolkit.config.retry import Retry

# Of kumo.make_egress_path: 32 connections, 1024 messages each, no limit of the rate.
DEFAULT = Pacing(
    rate=UNLIMITED_RATE, burst=int(UNLIMITED_RATE), connections=32, messages_per_connection=1024
)
_ROTATION = {"kind": "interleaved", "start": "kumomta"}
_INTERVAL, _AGE = 20 * 60.0, 7 * 86_400.0  # of kumo.make_queue_config

_BURST = re.compile(r"\s*,\s*max_burst\s*=\s*(\d{1,9})\s*$")
_CONNECTIONS = ("connection_limit", "provider_connection_limit")
_RATES = ("max_message_rate", "provider_max_message_rate")
_HEADERS = re.compile(r"\w+_header")
_HERE = "is not carried over"


def read_kumomta_files(files: Sequence[Text], *, pool: str | None = None) -> Found:
    """Read KumoMTA's ``sources.toml``, ``shaping.toml``, ``queues.toml`` and Lua policies.

    A file that ends in ``.lua`` is searched for calls of ``kumo.make_...`` with a literal table;
    of any other the tables say what it is. Later files override earlier ones.

    Parameters
    ----------
    files : sequence of Text
        The files in the order in which KumoMTA reads them.
    pool : str, optional
        The egress pool to carry over; by default that of the queues, or the largest.

    Raises
    ------
    ConfigError
        If a file is no TOML, there is no such pool, or no source is named.

    Examples
    --------
    >>> found = read_kumomta_files([Text("sources.toml", '''
    ... [source."ip-1"]
    ... source_address = "192.0.2.1"
    ... [pool."bulk"."ip-1"]
    ... weight = 3
    ... ''')])
    >>> found.servers["ip-1"].source_ip, found.servers["ip-1"].weight
    ('192.0.2.1', 3.0)
    """
    gathered = Gathered("kumomta")
    reader = _Reader(gathered)
    for file in files:
        if file.name.lower().endswith(".lua"):
            reader.lua(file)
        else:
            reader.toml(file)
    reader.finish()
    return gathered.found(_ROTATION, pool, DEFAULT)


class _Reader:
    def __init__(self, gathered: Gathered) -> None:
        self._to = gathered
        self._domains = Domains()
        self._queue: dict[str, Any] = {}
        self._file = ""
        self._lines: Mapping[Path, int] = {}

    def _note(self, path: Path, reason: str) -> None:
        line = 0
        while path and not line:
            line, path = self._lines.get(path, 0), path[:-1]
        self._to.note(self._file, line, reason)

    def toml(self, file: Text) -> None:
        """Read a data file, whichever it is."""
        tree = parse_foreign(file.text, file.name)
        self._file, self._lines = file.name, lines_of(file.text)
        if not tree:
            self._note((), "is empty")
        elif {"source", "pool"} & tree.keys():
            self._sources(tree)
        elif {"queue", "tenant"} & tree.keys() or any(map(_HEADERS.fullmatch, tree)):
            self._queues(tree)
        else:
            self._shaping(tree, file)

    def _tables(self, tree: Any, path: Path) -> list[tuple[str, Mapping[str, Any]]]:
        """Return the tables of a table by name; what is none is told."""
        if not isinstance(tree, Mapping):
            self._note(path, f"{'.'.join(path)}: is no table")
            return []
        for name, table in tree.items():
            if not isinstance(table, Mapping):
                self._note((*path, name), f"{'.'.join((*path, name))}: {_HERE}")
        return [(name, table) for name, table in tree.items() if isinstance(table, Mapping)]

    # sources.toml

    def _sources(self, tree: Mapping[str, Any]) -> None:
        for name, table in self._tables(tree.get("source", {}), ("source",)):
            self._source(name, table, ("source", name))
        for name, entries in self._tables(tree.get("pool", {}), ("pool",)):
            pool = self._to.pools.setdefault(name, {})
            for source, entry in self._tables(entries, ("pool", name)):
                self._entry(pool, source, entry, ("pool", name, source))
        for name in tree:
            if name not in ("source", "pool"):
                self._note((name,), f"{name}: {_HERE}")

    def _source(self, name: str, table: Mapping[str, Any], path: Path) -> None:
        address = table.get("source_address")
        for key, value in table.items():
            if key not in ("name", "source_address"):
                self._note((*path, key), f"{key}: {_HERE}")
            elif not isinstance(value, str) or value == COMPUTED:
                self._note((*path, key), f"{key}: is not written out as text")
        known = isinstance(address, str) and address != COMPUTED
        self._to.sources[name] = str(address) if known else ""

    def _entry(
        self, pool: dict[str, float], source: str, entry: Mapping[str, Any], path: Path
    ) -> None:
        weight = entry.get("weight", 1)
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < 1e9:
            self._note((*path, "weight"), "weight: is no number that is written out; taken as 1")
            weight = 1
        pool[source] = float(weight)

    # shaping.toml

    def _shaping(self, tree: Mapping[str, Any], file: Text) -> None:
        isps: dict[str, str] = {}
        for name, table in self._tables(tree.get("provider", {}), ("provider",)):
            served = self._provider(table)
            isps[name] = served[0] if served else name
            self._block(table, ("provider", name), served)
        for name, table in self._tables(tree, ()):
            if name == "default":
                self._block(table, (name,), [])
            elif name != "provider":
                isp = self._domains.isp(name)
                isps[name] = isp or name
                self._block(table, (name,), [isp] if isp else [])
        self._to.take_rules(read_kumomta(file.text, isps=isps), file.name)

    def _provider(self, table: Mapping[str, Any]) -> list[str]:
        """Return the ISPs that a provider block is about."""
        match = table.get("match")
        isps: list[str] = []
        for one in match if isinstance(match, list) else []:
            for kind, value in one.items() if isinstance(one, Mapping) else ():
                if isinstance(value, str) and kind == "DomainSuffix":
                    isps += self._domains.isps_of(domain=value)
                elif isinstance(value, str):
                    isps += self._domains.isps_of(mx=value)
        return list(dict.fromkeys(isps))

    def _block(self, table: Mapping[str, Any], path: Path, isps: list[str]) -> None:
        """Take the limits of a domain or provider, and those of single sources at it."""
        default = path == ("default",)
        limits = self._limits(table, path)
        sources = [
            (name, self._limits(each, (*path, "sources", name)))
            for name, each in self._tables(table.get("sources", {}), (*path, "sources"))
        ]
        if default:
            self._to.common |= limits
            if sources:
                self._note((*path, "sources"), "default.sources: KumoMTA applies no source's "
                           "limits to all domains; name the domains or providers")  # fmt: skip
        elif not isps and (limits or sources):
            self._note(path, f"{path[-1]}: limits for whom no shipped provider stands")
        for isp in isps:
            self._take(isp, limits, sources, path)

    def _take(
        self, isp: str, limits: LimitsOf, sources: list[tuple[str, LimitsOf]], path: Path
    ) -> None:
        if path[0] == "provider":
            self._to.by_isp.setdefault(isp, {}).update(limits)
        else:
            self._to.narrow(isp, limits, self._file, self._lines.get(path, 0), path[-1])
        for name, own in sources:
            self._to.by_path.setdefault((name, isp), {}).update(own)

    def _limits(self, table: Mapping[str, Any], path: Path) -> LimitsOf:
        limits: LimitsOf = {}
        for key, value in table.items():
            try:
                for name, limit in _limit(key, value).items():
                    limits[name] = min(limits.get(name, limit), limit)
            except ForeignError as error:
                self._note((*path, key), f"{key}: {error}")
        return limits

    # queues.toml

    def _queues(self, tree: Mapping[str, Any]) -> None:
        for key, value in tree.items():
            if key not in ("queue", "tenant", "default_tenant"):
                self._note((key,), f"{key}: {_HERE}")
            elif key == "default_tenant" and not isinstance(value, str):
                self._note((key,), f"{key}: is no text")
        for name, table in self._tables(tree.get("queue", {}), ("queue",)):
            if name == "default":
                self._queue_config(table, ("queue", name))
            else:
                self._note(("queue", name), f"queue {name}: settings of one domain's queue; here "
                           "all mail is retried alike")  # fmt: skip
        self._tenants(tree)

    def _tenants(self, tree: Mapping[str, Any]) -> None:
        for name, table in self._tables(tree.get("tenant", {}), ("tenant",)):
            chosen = name == tree.get("default_tenant")
            pool = table.get("egress_pool")
            if isinstance(pool, str) and (chosen or self._to.pool is None):
                self._to.pool = pool
            for key in table:
                if key != "egress_pool" or not chosen:
                    self._note(("tenant", name, key), f"{key}: there are no tenants here")

    def _queue_config(self, table: Mapping[str, Any], path: Path) -> None:
        for key, value in table.items():
            if key == "egress_pool" and isinstance(value, str):
                self._to.pool = value
            elif key in ("retry_interval", "max_retry_interval", "max_age"):
                try:
                    self._queue[key] = _time(value)
                except ForeignError as error:
                    self._note((*path, key), f"{key}: {error}")
            else:
                self._note((*path, key), f"{key}: {_HERE}")

    # init.lua

    def lua(self, file: Text) -> None:
        """Read the literal calls of a policy."""
        self._file, self._lines = file.name, {}
        readers: Mapping[str, Callable[[Call], None]] = {
            "kumo.make_egress_source": self._lua_source,
            "kumo.make_egress_pool": self._lua_pool,
            "kumo.make_egress_path": self._lua_path,
            "kumo.make_queue_config": self._lua_queue,
        }
        paths = 0
        for call in calls(file.text, file.name, "kumo.make_"):
            self._lines = {(): call.line, ("call",): call.line}
            reader = readers.get(call.function)
            paths += call.function == "kumo.make_egress_path"
            if COMPUTED in call.table.listed:
                self._note(("call",), f"{call.function}: is given no table that is written out")
            elif reader is None:
                self._note(("call",), f"{call.function}: {_HERE}")
            elif reader == self._lua_path and paths > 1:
                self._note(("call",), f"{call.function}: which mail it is for is computed; only "
                           "the first one is carried over, for all mail")  # fmt: skip
            else:
                reader(call)

    def _lua_source(self, call: Call) -> None:
        name = call.table.named.get("name")
        if not isinstance(name, str) or name == COMPUTED:
            self._note(("call",), "kumo.make_egress_source: its name is not written out")
            return
        self._source(name, call.table.named, ("call",))

    def _lua_pool(self, call: Call) -> None:
        name, entries = call.table.named.get("name"), call.table.named.get("entries")
        if not isinstance(name, str) or name == COMPUTED or not isinstance(entries, Table):
            self._note(("call",), "kumo.make_egress_pool: its name or entries are not written out")
            return
        pool = self._to.pools.setdefault(name, {})
        for entry in entries.listed:
            at = entry.line if isinstance(entry, Table) else call.line
            self._lines = {("call",): at}
            source = entry.named.get("name") if isinstance(entry, Table) else None
            if not isinstance(source, str) or source == COMPUTED:
                self._note(("call",), f"kumo.make_egress_pool: an entry of {name!r} is not "
                           "written out")  # fmt: skip
            else:
                self._entry(pool, source, entry.named, ("call",))

    def _lua_path(self, call: Call) -> None:
        self._note(("call",), f"{call.function}: taken for all mail, whatever stands around it")
        self._to.common |= self._limits(call.table.named, ("call",))

    def _lua_queue(self, call: Call) -> None:
        self._note(("call",), f"{call.function}: taken for all mail, whatever stands around it")
        self._queue_config(call.table.named, ("call",))

    def finish(self) -> None:
        """Settle how deferred mail is retried, as the queues say."""
        if not self._queue:
            return
        base = self._queue.get("retry_interval", _INTERVAL)
        age = self._queue.get("max_age", _AGE)
        longest = self._queue.get("max_retry_interval", age)
        self._to.retry = kumomta_retry(base, longest, age)


def kumomta_retry(base: float, longest: float, age: float) -> Retry:
    """Return KumoMTA's retry times: a delay that doubles, until a message is too old.

    Parameters
    ----------
    base, longest, age : float
        ``retry_interval``, ``max_retry_interval`` and ``max_age`` (s).

    Examples
    --------
    >>> list(kumomta_retry(1200.0, 4800.0, 10_000.0).delays())
    [1200.0, 2400.0, 4800.0, 4800.0]
    """
    longest = max(base, min(longest, age))
    delays = (min(delay, longest) for delay in accumulate(repeat(base), lambda d, _: d * 2.0))
    return Retry(
        base=base,
        longest=longest,
        jitter=min(1.0, 60.0 / base),  # a draw of a minute at most
        attempts=give_up_after(delays, age),
        hints=False,
    )


def _limit(key: str, value: Any) -> LimitsOf:
    """Return our limits for one of KumoMTA's; none for what is read elsewhere."""
    if key in _CONNECTIONS:
        return {"connections": _count(value)}
    if key == "max_deliveries_per_connection":
        return {"messages_per_connection": _count(value)}
    if key in _RATES:
        return _rate(value)
    if key == "max_connection_rate":
        return {"connection_rate": _rate(value)["rate"]}
    if key in ("sources", "automation", "match"):
        return {}
    raise ForeignError(_HERE)


def _count(value: Any) -> int:
    text = re.sub(r"^local:", "", str(value))
    if not re.fullmatch(r"\d{1,9}", text):
        raise ForeignError(f"is no number that is written out: {str(value)[:60]!r}")
    if not int(text):
        raise ForeignError("0 would send nothing, and is left out")
    return int(text)


def _rate(value: Any) -> LimitsOf:
    """Read ``"100/s,max_burst=5"``; without a burst all of the count may go at once."""
    text = re.sub(r"^local:", "", value) if isinstance(value, str) else value
    if not isinstance(text, str) or len(text) > LONGEST:
        raise ForeignError("is not a rate that is written out")
    burst = _BURST.search(text)
    count, seconds = foreign_count(text[: burst.start()] if burst else text)
    return {"rate": count / seconds, "burst": max(1, int(burst[1]) if burst else count)}


def _time(value: Any) -> float:
    """Read a duration; a bare number counts seconds."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e9:
        return float(value)
    return foreign_duration(value)
