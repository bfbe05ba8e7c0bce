"""A scenario file made of what a configuration says; the rest is the quickstart's.

The text is made for people to edit: comments say where each part comes from.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePath
from typing import Any

from mstoolkit.config.data import data_text
from mstoolkit.config.failover import Breaker
from mstoolkit.config.pacing import Limits, Pacing
from mstoolkit.config.peers.found import Found, Note
from mstoolkit.config.policy import Policy
from mstoolkit.config.retry import Retry
from mstoolkit.config.rules import Rule
from mstoolkit.config.scenario import Server

_BORROWED = ("audience", "campaigns")
_TITLES = {"kumomta": "KumoMTA", "powermta": "PowerMTA", "postfix": "Postfix"}
_PER = {"s": 1.0, "min": 60.0, "h": 3600.0, "day": 86_400.0}


def starter_text() -> str:
    """Return the commented scenario with which to begin: the shipped quickstart."""
    return data_text("scenarios", "quickstart")


def scenario_text(found: Found, files: Iterable[str]) -> str:
    """Return a scenario file.

    Parameters
    ----------
    found : Found
        What was read.
    files : iterable of str
        Names of the files it was read from, for the comment at the head.

    Examples
    --------
    >>> from mstoolkit.config import parse_scenario
    >>> from mstoolkit.config.peers import Text, read_postfix_files
    >>> found = read_postfix_files([Text("main.cf", "relayhost = [mx.example.com]")])
    >>> list(parse_scenario(scenario_text(found, ["main.cf"])).servers)
    ['mx.example.com']
    """
    title = _TITLES[found.system]
    lines = [
        f"# Read from {title}: {_comment(', '.join(PurePath(name).name for name in files))}.",
        "# Audience, campaign and horizon are those of the shipped quickstart scenario, as no",
        "# configuration of a mail server knows them: put your own in their place.",
        *_told(found.notes),
        "",
        f'name = "from-{found.system}"',
        f'description = "The sending of a {title} configuration."',
        'horizon = "8h"',
        'follow = "72h"',
        'sending_domain = "news.example"',
        "",
        "# Ports are for test sinks on this machine; speed, latency, cost and warmth are not in",
        "# the configuration: what is left out has the toolkit's default.",
    ]
    for name, server in found.servers.items():
        lines += _server(name, server)
    lines += ["", "# Of the quickstart scenario.", *_borrowed(), ""]
    lines += [f"# As {title} sends, so far as it can be said here.", *_strategy(found)]
    return file_text(lines)


def told(notes: Iterable[Note]) -> list[str]:
    """Return notes as lines for people: those alike in one, with all their line numbers."""
    together: dict[tuple[str, str], list[int]] = {}
    for note in notes:
        together.setdefault((note.file, note.reason), []).append(note.line)
    out: list[str] = []
    for (file, reason), numbers in together.items():
        where = ", ".join(str(number) for number in numbers if number)
        head = ":".join(part for part in (file, where) if part)
        out.append(_comment(f"{head}: {reason}" if head else reason))
    return out


def _told(notes: Iterable[Note]) -> list[str]:
    lines = told(notes)
    if not lines:
        return ["#", "# Everything in the files was carried over."]
    return ["#", "# Not understood, or not carried over:", *(f"#   {line}" for line in lines)]


def _comment(text: str) -> str:
    """Return a text that can stand in a comment: on one line, without control characters."""
    return "".join(char if char.isprintable() else " " for char in text)


def file_text(lines: Iterable[str]) -> str:
    """Return lines as the text of a file, with at most one empty line between two."""
    out: list[str] = []
    for line in lines:
        if line or (out and out[-1]):
            out.append(line)
    return "\n".join(out).rstrip() + "\n"


def quoted(text: str) -> str:
    """Return a text as a TOML string."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def rate_text(rate: float) -> str:
    """Return a rate (1/s) as a file states it, in the unit that makes it whole, if one does.

    Examples
    --------
    >>> rate_text(2.5), rate_text(100 / 3600), rate_text(0.7182)
    ('150/min', '100/h', '43.092/min')
    """
    for unit, seconds in _PER.items():
        count = rate * seconds
        if count >= 0.5 and abs(count - round(count)) <= 1e-9 * count:
            return f"{round(count)}/{unit}"
    unit = next((unit for unit, seconds in _PER.items() if rate * seconds >= 1.0), "day")
    return f"{rate * _PER[unit]:.12f}".rstrip("0").rstrip(".") + f"/{unit}"


def duration_text(seconds: float) -> str:
    """Return a duration (s) as a file states it.

    Examples
    --------
    >>> duration_text(7200.0), duration_text(90.0), duration_text(0.5)
    ('2h', '90s', '0.5s')
    """
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds and seconds % size == 0:
            return f"{int(seconds) // size}{unit}"
    return f"{seconds:.6f}".rstrip("0").rstrip(".") + "s"


def _server(name: str, server: Server) -> Iterator[str]:
    yield ""
    yield f"[servers.{quoted(name)}]"
    yield f"port = {server.port}"
    if server.source_ip:
        yield f"source_ip = {quoted(server.source_ip)}"
    yield f"weight = {_number(server.weight)}"
    yield f"connections = {server.connections}"
    if server.warm < 1.0:
        yield f"warm = {_number(server.warm)}                     # an assumption"
    if limits := _limits(server.limits):
        yield f"limits = {{ {limits} }}"
    for isp, own in server.isp_limits.items():
        if limits := _limits(own):
            yield f"isp_limits.{isp} = {{ {limits} }}"


def _limits(limits: Limits) -> str:
    parts = {"rate": quoted(rate_text(limits.rate)) if limits.rate else None}
    for name in ("burst", "connections", "messages_per_connection"):
        value = getattr(limits, name)
        parts[name] = None if value is None else str(value)
    if limits.connection_rate:
        parts["connection_rate"] = quoted(rate_text(limits.connection_rate))
    return ", ".join(f"{name} = {value}" for name, value in parts.items() if value)


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.9f}".rstrip("0").rstrip(".")


def _borrowed() -> Iterator[str]:
    """Yield the tables of the quickstart that no configuration knows, with their comments."""
    wanted = False
    pending: list[str] = []
    for line in starter_text().splitlines():
        if line.startswith("#"):
            pending.append(line)
            continue
        if line.startswith("["):
            wanted = line.lstrip("[").split("]")[0].split(".")[0] in _BORROWED
        if wanted:
            yield from pending
            yield line
        pending = []


def _strategy(found: Found) -> Iterator[str]:
    policy = found.policy
    name = f"strategies.{found.system}"
    yield f"[{name}]"
    yield f"rotation = {_rotation(policy)}"
    yield f"retry = {_retry(policy.retry)}"
    yield ""
    yield f"[{name}.pacing]"
    yield from _pacing(policy.pacing)
    yield ""
    yield f"[{name}.failover]          # no breaker counts the deferrals of a path"
    yield f"path = {_breaker(policy.failover.path)}"
    yield f"pin = {'true' if policy.failover.pin else 'false'}"
    for rule in policy.rules:
        yield from _rule(rule, name)
    yield ""
    yield "# To compare: spread evenly, at rates that follow the replies."
    yield "[strategies.adapting]"
    yield 'rotation = { kind = "smooth-weighted" }'
    yield ""
    yield "[strategies.adapting.pacing]"
    yield from _pacing(_paced(policy.pacing))
    yield 'adapt = { kind = "aimd" }'


def _paced(pacing: Pacing) -> Pacing:
    """Return limits for a rate that is learned: it needs a limit to fall from."""
    rate = min(pacing.rate, Pacing().rate)
    return pacing.model_copy(
        update={"feedback": None, "rate": rate, "burst": min(pacing.burst, Pacing().burst)}
    )


def _breaker(breaker: Breaker) -> str:
    window = "" if breaker.window is None else f'window = "{duration_text(breaker.window)}", '
    times = f'base = "{duration_text(breaker.base)}", longest = "{duration_text(breaker.longest)}"'
    return f"{{ failures = {breaker.failures}, {window}{times} }}"


def _rotation(policy: Policy) -> str:
    fields = policy.rotation.model_dump()
    return "{ " + ", ".join(f"{key} = {quoted(str(value))}" for key, value in fields.items()) + " }"


def _retry(retry: Retry) -> str:
    if retry.preset is not None:
        return f"{{ preset = {quoted(retry.preset)}, hints = false }}"
    parts = {"jitter": _number(retry.jitter), "quantum": quoted(duration_text(retry.quantum))}
    parts["attempts"] = str(retry.attempts)
    parts["hints"] = "true" if retry.hints else "false"
    if retry.schedule:
        delays = ", ".join(quoted(duration_text(delay)) for delay in retry.schedule)
        head = f"schedule = [{delays}]"
    else:
        base, longest = (quoted(duration_text(each)) for each in (retry.base, retry.longest))
        head = f"base = {base}, factor = {_number(retry.factor)}, longest = {longest}"
    return "{ " + ", ".join([head, *(f"{key} = {value}" for key, value in parts.items())]) + " }"


def _pacing(pacing: Pacing) -> Iterator[str]:
    yield f"rate = {quoted(rate_text(pacing.rate))}"
    for name in ("burst", "connections", "messages_per_connection"):
        yield f"{name} = {getattr(pacing, name)}"
    if pacing.connection_rate:
        yield f"connection_rate = {quoted(rate_text(pacing.connection_rate))}"
    if (feedback := pacing.feedback) is not None:
        parts = {
            "initial": str(feedback.initial),
            "positive": quoted(feedback.positive),
            "negative": quoted(feedback.negative),
            "amount": _number(feedback.amount),
            "failed_cohorts": _number(feedback.failed_cohorts),
        }
        yield "feedback = { " + ", ".join(f"{key} = {text}" for key, text in parts.items()) + " }"


def _rule(rule: Rule, strategy: str) -> Iterator[str]:
    yield ""
    yield f"[[{strategy}.rules]]"
    yield f"name = {quoted(rule.name)}"
    match = {"line": quoted(rule.match.line or "")}
    if rule.match.isp:
        match["isp"] = "[" + ", ".join(map(quoted, rule.match.isp)) + "]"
    yield "match = { " + ", ".join(f"{key} = {value}" for key, value in match.items()) + " }"
    if rule.trigger.count > 1:
        window = duration_text(rule.trigger.window)
        yield f"trigger = {quoted(f'{rule.trigger.count} in {window}')}"
    yield f"action = {_action(rule.action.model_dump())}"
    if rule.duration:
        yield f"duration = {quoted(duration_text(rule.duration))}"
    yield f"scope = {quoted(rule.scope)}"


def _action(action: Mapping[str, Any]) -> str:
    parts = {"kind": quoted(str(action["kind"]))}
    if "rate" in action:
        parts["rate"] = quoted(rate_text(float(action["rate"])))
    if "connections" in action:
        parts["connections"] = str(action["connections"])
    return "{ " + ", ".join(f"{key} = {value}" for key, value in parts.items()) + " }"
