"""Postfix: transports of ``master.cf``, routing, limits and retry times of ``main.cf``.

Parameters and defaults as in ``postconf(5)``; randmap as in ``DATABASE_README``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from typing import Literal, NamedTuple

from mstoolkit.config.errors import ConfigError
from mstoolkit.config.pacing import FeedbackSpec, Pacing
from mstoolkit.config.peers.found import (
    ATTEMPTS,
    UNLIMITED_MESSAGES,
    UNLIMITED_RATE,
    Found,
    Gathered,
    Text,
    give_up_after,
)
from mstoolkit.config.retry import Retry

# default_destination_concurrency_limit 20; neither rate nor messages a connection are limited.
DEFAULT = Pacing(
    rate=UNLIMITED_RATE,
    burst=int(UNLIMITED_RATE),
    connections=20,
    messages_per_connection=UNLIMITED_MESSAGES,
)
_ROTATION = {"kind": "random"}
_ROUTES = (
    "sender_dependent_default_transport_maps",
    "transport_maps",
    "sender_dependent_relayhost_maps",
    "default_transport",
    "relayhost",
)
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_RETRY = {"minimal_backoff_time": (300.0, "s"), "maximal_backoff_time": (4000.0, "s")}
_RETRY |= {"maximal_queue_lifetime": (432_000.0, "d"), "queue_run_delay": (300.0, "s")}
_FEEDBACK = re.compile(r"default_destination_concurrency_(positive_feedback|negative_feedback|"
                       r"failed_cohort_limit)|initial_destination_concurrency")  # fmt: skip
_LIMIT = re.compile(r"(.+?)_(destination_concurrency_limit|destination_rate_delay|"
                    r"connection_reuse_count_limit)")  # fmt: skip
_SERVICE = re.compile(r"\S+\s+(?:unix|inet|fifo|pass|unix-dgram)\s+[yn-]\s")
_SETTING = re.compile(r"([A-Za-z][\w.-]*)\s*=\s*(.*)", re.DOTALL)
_NAME = re.compile(r"\$(?:\((\w+)\)|\{(\w+)\}|(\w+))")
_RANDMAP = re.compile(r"(?:^|[\s,])randmap:\{([^{}]*)\}")
_NEXT_HOP = re.compile(r"(?:([\w.-]+):)?\[?([\w.:-]*?)\]?(?::\d+)?")
_OPTION = re.compile(r"-o\s+(?:\{\s*([\w-]+)\s*=\s*([^{}]*?)\s*\}|([\w-]+)=(\S*))")
_UNLIMITED_CONNECTIONS = 1000
_EXPANSIONS, _LENGTH = 20, 200_000
_HERE = "is not carried over"


class _Setting(NamedTuple):
    name: str
    value: str
    file: str
    line: int


class _Transport(NamedTuple):
    address: str
    reuse: _Setting | None


def read_postfix_files(files: Sequence[Text], *, pool: str | None = None) -> Found:
    """Read Postfix's ``main.cf`` and ``master.cf``.

    Servers are what a ``randmap`` draws from, with weights by repetition; without one the
    transports of ``master.cf`` that have an address of their own, or else the ``relayhost``.

    Parameters
    ----------
    files : sequence of Text
        The files; which is which is told by what stands in them.
    pool : str, optional
        The parameter whose ``randmap`` is to be carried over, if there are several.

    Raises
    ------
    ConfigError
        If a line is neither of ``main.cf`` nor ``master.cf``, or there is no such pool.

    Examples
    --------
    >>> found = read_postfix_files([Text("main.cf", '''
    ... transport_maps = randmap:{relay:[a.example], relay:[a.example], relay:[b.example]}
    ... ''')])
    >>> {name: server.weight for name, server in found.servers.items()}
    {'a.example': 2.0, 'b.example': 1.0}
    """
    gathered = Gathered("postfix")
    reader = _Reader(gathered)
    for file in files:
        reader.read(file)
    reader.finish()
    return gathered.found(_ROTATION, pool, DEFAULT)


def _logical(file: Text) -> Iterator[tuple[int, str]]:
    """Yield logical lines with their numbers: what is indented continues the line before."""
    start, parts = 0, list[str]()
    for number, raw in enumerate(file.text.splitlines(), 1):
        if not raw.strip() or raw.lstrip().startswith("#"):
            continue
        if raw[0].isspace() and parts:
            parts.append(raw.strip())
            continue
        if parts:
            yield start, " ".join(parts)
        start, parts = number, [raw.strip()]
    if parts:
        yield start, " ".join(parts)


class _Reader:
    def __init__(self, gathered: Gathered) -> None:
        self._to = gathered
        self._settings: dict[str, _Setting] = {}
        self._transports: dict[str, _Transport] = {}
        self._carriers: dict[str, str] = {}  # server -> the transport that carries its mail
        self._used: set[str] = set()

    def read(self, file: Text) -> None:
        """Read a file, whichever it is."""
        for number, line in _logical(file):
            if _SERVICE.match(line):
                self._service(line, file.name, number)
            elif setting := _SETTING.fullmatch(line):
                name, value = setting[1], setting[2].strip()
                self._settings[name] = _Setting(name, value, file.name, number)
            else:
                raise ConfigError(
                    f"is a line neither of main.cf nor of master.cf: {line[:40]!r}",
                    file=f"{file.name}:{number}",
                    remedy="write name = value, or a service",
                )

    # master.cf

    def _service(self, line: str, file: str, number: int) -> None:
        words = line.split(None, 8)
        name, command = words[0], words[7] if len(words) > 7 else ""
        if command not in ("smtp", "lmtp") or words[1] != "unix":
            self._to.note(file, number, "a service that sends no mail to other hosts")
            return
        address, reuse = "", None
        for match in _OPTION.finditer(words[8] if len(words) > 8 else ""):
            option, value = match[1] or match[3], match[2] or match[4] or ""
            if option in ("smtp_bind_address", "smtp_bind_address6") and not address:
                address = value
            elif option == "smtp_connection_reuse_count_limit":
                reuse = _Setting(option, value, file, number)
            else:
                self._to.note(file, number, f"-o {option}: {_HERE}")
        self._transports[name] = _Transport(address, reuse)

    # main.cf

    def _value(self, name: str) -> str:
        """Return a parameter's value, with ``$name`` expanded so far as bounds allow."""
        setting = self._settings.get(name)
        if setting is None:
            return ""
        self._used.add(name)
        value: str | None = setting.value
        for _ in range(_EXPANSIONS):
            if value is None or not _NAME.search(value):
                break
            value = self._expanded(value)
        if value is None or "$" in value:
            self._to.note(setting.file, setting.line, f"{name}: cannot be expanded, left out")
            return ""
        return value

    def _expanded(self, value: str) -> str | None:
        """Return a value with each ``$name`` replaced once, or None if it grows too long."""
        parts, length, end = list[str](), 0, 0
        for found in _NAME.finditer(value):
            setting = self._settings.get(found[1] or found[2] or found[3])
            parts += [value[end : found.start()], setting.value if setting else ""]
            length += len(parts[-2]) + len(parts[-1])
            end = found.end()
            if length > _LENGTH:
                return None
        return "".join([*parts, value[end:]])

    def _routes(self) -> None:
        """Gather pools: the randmaps of each parameter that routes mail."""
        for name in _ROUTES:
            value = self._value(name)
            draws = _RANDMAP.findall(value)
            if not value:
                continue
            setting = self._settings[name]
            if draws and name in ("default_transport", "relayhost"):
                self._to.note(setting.file, setting.line, f"{name}: Postfix looks up no table "
                              "here; read as it was meant")  # fmt: skip
            for entry in re.split(r"[,\s]+", draws[0].strip()) if draws else ():
                server = self._server(entry, name)
                pool = self._to.pools.setdefault(name, {})
                pool[server] = pool.get(server, 0.0) + 1.0
            if not draws and name not in ("relayhost", "default_transport"):
                self._to.note(setting.file, setting.line, f"{name}: {_HERE}")

    def _server(self, entry: str, parameter: str) -> str:
        """Take an entry of a randmap as a server and return its name."""
        hop = _NEXT_HOP.fullmatch(entry)
        transport, host = (hop[1] or "", hop[2]) if hop else ("", entry)
        if not transport and (host in self._transports or not parameter.endswith("relayhost_maps")):
            transport, host = host, ""
        name = host or transport or entry
        transport = transport or "smtp"
        self._carriers[name] = transport
        known = self._transports.get(transport)
        self._to.sources[name] = known.address if known else ""
        return name

    def finish(self) -> None:
        """Settle servers, their limits, feedback and retry times; tell what was not used."""
        self._routes()
        if not self._to.pools:
            self._unrouted()
        for server, transport in self._carriers.items():
            if limits := self._limits(transport):
                self._to.by_source[server] = limits
        self._to.common |= self._limits("default")
        if reuse := self._number("smtp_connection_reuse_count_limit"):  # 0 is the default
            self._to.common["messages_per_connection"] = reuse
        self._feedback()
        self._retry()
        for setting in self._settings.values():
            if setting.name not in self._used:
                self._to.note(setting.file, setting.line, f"{setting.name}: {_HERE}")

    def _unrouted(self) -> None:
        """Without a randmap: transports with addresses, the relayhost, or the machine itself."""
        bound = {name: each for name, each in self._transports.items() if each.address}
        relay = self._value("relayhost")
        if bound:
            self._to.note("", 0, "no randmap says how mail is spread over the transports; they "
                          "count alike")  # fmt: skip
            for name, each in bound.items():
                self._to.sources[name] = each.address
                self._carriers[name] = name
        elif relay:
            self._server(f"smtp:{relay}", "relayhost")
        elif self._settings or self._transports:
            self._to.sources["postfix"] = self._value("smtp_bind_address")
            self._carriers["postfix"] = "smtp"

    def _limits(self, transport: str) -> dict[str, float]:
        """Return the limits of a transport, or those that all have by default."""
        limits: dict[str, float] = {}
        connections = self._number(f"{transport}_destination_concurrency_limit")
        if connections is not None:
            limits["connections"] = connections or _UNLIMITED_CONNECTIONS
        known = self._transports.get(transport)
        reuse = self._counted(known.reuse, known.reuse.value) if known and known.reuse else None
        if reuse is not None:
            limits["messages_per_connection"] = reuse or UNLIMITED_MESSAGES
        own, common = (f"{name}_destination_rate_delay" for name in (transport, "default"))
        if delay := self._time(own if own in self._settings else common, "s"):
            limits |= {"rate": 1.0 / delay, "burst": 1, "connections": 1}
        elif own in self._settings:
            limits |= {"rate": UNLIMITED_RATE, "burst": int(UNLIMITED_RATE)}
        return limits

    def _number(self, name: str) -> int | None:
        value = self._value(name)
        return self._counted(self._settings[name], value) if value else None

    def _counted(self, setting: _Setting, value: str) -> int | None:
        """Return a whole number, of which 0 is no limit to Postfix; None if it is none."""
        if re.fullmatch(r"\d{1,9}", value):
            return int(value)
        self._to.note(setting.file, setting.line, f"{setting.name}: is no number: {value[:60]!r}")
        return None

    def _time(self, name: str, unit: str) -> float:
        """Return a time in seconds, 0 if none is given."""
        value = self._value(name)
        match = re.fullmatch(r"(\d{1,9})([smhdw]?)", value)
        if match:
            return int(match[1]) * _UNITS[match[2] or unit]
        if value:
            setting = self._settings[name]
            self._to.note(setting.file, setting.line, f"{name}: is no time: {value[:60]!r}")
        return 0.0

    def _feedback(self) -> None:
        stem = "default_destination_concurrency_"
        positive, amount = self._score(f"{stem}positive_feedback")
        negative, other = self._score(f"{stem}negative_feedback")
        if other != amount:
            setting = self._settings.get(f"{stem}negative_feedback")
            self._to.note(*(setting[2:] if setting else ("", 0)), f"{stem}negative_feedback: its "
                          f"numerator {other:g} is taken as {amount:g}, as up so down")  # fmt: skip
        self._to.feedback = FeedbackSpec(
            initial=self._number("initial_destination_concurrency") or 5,
            positive=positive,
            negative=negative,
            amount=amount,
            failed_cohorts=self._number(f"{stem}failed_cohort_limit") or 1,
        )

    def _score(self, name: str) -> tuple[Literal["fixed", "1/N", "1/sqrtN"], float]:
        value = self._value(name)
        match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?)(?:\s*/\s*(sqrt_)?(concurrency))?", value)
        if match and float(match[1]) > 0:
            if not match[3]:
                return "fixed", float(match[1])
            return ("1/sqrtN" if match[2] else "1/N"), float(match[1])
        if value:
            setting = self._settings[name]
            self._to.note(setting.file, setting.line, f"{name}: is no feedback: {value[:60]!r}")
        return "fixed", 1.0

    def _retry(self) -> None:
        if not any(name in self._settings for name in _RETRY):
            self._to.dead = _RETRY["minimal_backoff_time"][0]
            return
        least, most, lifetime, grid = (
            self._time(name, unit) or default for name, (default, unit) in _RETRY.items()
        )
        self._to.dead = least
        self._to.retry = postfix_retry(least, most, lifetime, grid)


def postfix_retry(least: float, most: float, lifetime: float, grid: float) -> Retry:
    """Return Postfix's retry times: the delay is the message's age, within bounds, on a grid.

    Parameters
    ----------
    least, most : float
        ``minimal_backoff_time`` and ``maximal_backoff_time`` (s).
    lifetime : float
        ``maximal_queue_lifetime`` (s).
    grid : float
        ``queue_run_delay`` (s).

    Examples
    --------
    >>> postfix_retry(300.0, 4000.0, 432_000.0, 300.0).schedule
    (300.0, 300.0, 600.0, 1200.0, 2400.0, 4000.0)
    """
    most = max(least, most)
    delays, age = [least], least
    while delays[-1] < most and len(delays) < 100:
        delays.append(min(max(age, least), most))
        age += delays[-1]
    attempts = give_up_after(chain(delays, repeat(delays[-1])), lifetime, grid)
    return Retry(
        schedule=tuple(delays),
        jitter=0.0,
        quantum=grid,
        attempts=min(attempts + 1, ATTEMPTS),
        hints=False,
    )
