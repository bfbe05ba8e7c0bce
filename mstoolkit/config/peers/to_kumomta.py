"""A strategy as KumoMTA's data files: ``sources.toml``, ``shaping.toml`` and ``queues.toml``."""

from __future__ import annotations

from collections.abc import Iterator

from mstoolkit.config.pacing import Pacing
from mstoolkit.config.peers.draft import file_text, quoted
from mstoolkit.config.peers.kumomta import kumomta_retry
from mstoolkit.config.peers.reduced import (
    Draft,
    Exported,
    PathLimits,
    counted_rate,
    effective,
    head,
    is_unlimited,
    line_pattern,
)
from mstoolkit.config.rules import Rule

_POOL = "mstoolkit"


def to_kumomta(draft: Draft) -> Exported:
    """Write a strategy for KumoMTA."""
    weights = draft.weights(most=1000)
    _losses(draft)
    rules = [rule for rule in draft.policy.rules if _expressible(draft, rule)]
    pacing = _coarse(_default(draft))
    paths = {
        (name, isp): limits
        for name in draft.used
        for isp in draft.scenario.audience.isps
        if (limits := _coarse(effective(draft.scenario, draft.policy.pacing, name, isp))) != pacing
    }
    delays, age = draft.delays(), draft.lifetime()
    base, longest = delays[0], max(delays)
    retry = kumomta_retry(base, longest, age)
    if _steps(retry.delays(), len(delays)) != delays:
        draft.lose("retry: KumoMTA doubles the delay each time; the first and the longest stand")
    own = {
        name: {"isp_limits": {i: each.limits() for (n, i), each in paths.items() if n == name}}
        for name in draft.used
    }
    files = {
        "sources.toml": file_text(_sources(draft, weights)),
        "shaping.toml": file_text(_shaping(draft, pacing, paths, rules)),
        "queues.toml": file_text(_queues(draft, base, longest, age)),
    }
    rotation = {"kind": "interleaved", "start": "kumomta"}
    reduced = draft.reduced(rotation, Pacing(**pacing._asdict()), retry, rules)
    servers = draft.servers({name: float(n) for name, n in weights.items()}, own)
    return Exported(files, tuple(draft.lost), reduced, servers)


def _default(draft: Draft) -> PathLimits:
    """Return the policy's own limits."""
    pacing = draft.policy.pacing
    return PathLimits(
        pacing.rate,
        pacing.burst,
        pacing.connections,
        pacing.messages_per_connection,
        pacing.connection_rate,
    )


def _steps(delays: Iterator[float], count: int) -> list[float]:
    return [delay for delay, _ in zip(delays, range(count), strict=False)]


def _losses(draft: Draft) -> None:
    kind = draft.policy.rotation.kind
    exact = kind == "round-robin" or draft.policy.rotation.model_dump() == {
        "kind": "interleaved",
        "start": "kumomta",
    }
    if not exact:
        draft.lose(f"rotation {kind}: KumoMTA spreads by interleaved weighted round robin, anew in "
                   "each queue")  # fmt: skip
    draft.common_losses()
    if draft.policy.pacing.feedback is not None:
        draft.lose("pacing.feedback: connections do not grow and shrink in KumoMTA")
    draft.lose("limits of servers are written for the scenario's providers; mail to others has "
               "those of [default]")  # fmt: skip


def _expressible(draft: Draft, rule: Rule) -> bool:
    plain = rule.scope == "path" and rule.action.kind != "move" and not rule.trigger.share
    if plain and line_pattern(rule.match) is not None:
        known = draft.scenario.audience.isps
        if all(isp in known for isp in rule.match.isp):
            return True
    draft.lose(
        f"rule {rule.name}: its action, scope, share, phase or provider cannot be written as "
        "automation"
    )
    return False


def _coarse(limits: PathLimits) -> PathLimits:
    """Return limits as KumoMTA can state them: a rate is a whole number per unit."""
    if limits.connection_rate is not None:
        limits = limits._replace(connection_rate=counted_rate(limits.connection_rate)[1])
    if is_unlimited(limits.rate):
        return limits
    return limits._replace(rate=counted_rate(limits.rate)[1])


def _sources(draft: Draft, weights: dict[str, int]) -> Iterator[str]:
    yield from head(
        draft,
        "sources.toml",
        (
            "In the policy: local sources = require 'policy-extras.sources'",
            "               sources:setup { '/path/of/sources.toml' }",
            "ehlo_domain is a guess: give each address the name that its PTR record has.",
        ),
    )
    for name, server in draft.used.items():
        yield f"[source.{quoted(name)}]"
        if server.source_ip:
            yield f"source_address = {quoted(server.source_ip)}"
        else:
            yield '# source_address = "..."   # not known to the scenario'
        yield f"# ehlo_domain = {quoted(f'{name}.{draft.scenario.sending_domain}')}"
        yield ""
    for name, weight in weights.items():
        yield f"[pool.{quoted(_POOL)}.{quoted(name)}]"
        yield f"weight = {weight}"
        yield ""


def _shaping(
    draft: Draft,
    pacing: PathLimits,
    paths: dict[tuple[str, str], PathLimits],
    rules: list[Rule],
) -> Iterator[str]:
    yield from head(
        draft,
        "shaping.toml",
        (
            "In the policy: name it in extra_files of shaping:setup_with_automation, with",
            "no_default_files = true, or KumoMTA's own rules are merged in.",
        ),
    )
    yield '["default"]'
    yield from _limits(pacing)
    for rule in rules:
        if not rule.match.isp:
            yield from _automation(rule, "default")
    for isp in draft.scenario.audience.isps:
        own = {name: limits for (name, at), limits in paths.items() if at == isp}
        ours = [rule for rule in rules if rule.match.isp == (isp,)]
        if not own and not ours:
            continue
        profile = draft.scenario.isps[isp]
        matches = [f"{{ MXSuffix = {quoted('.' + suffix)} }}" for suffix in profile.mx_suffixes]
        matches = matches or [f"{{ DomainSuffix = {quoted(name)} }}" for name in profile.domains]
        yield ""
        yield f"[provider.{quoted(isp)}]"
        yield f"match = [{', '.join(matches)}]"
        for name, limits in own.items():
            yield ""
            yield f"[provider.{quoted(isp)}.sources.{quoted(name)}]"
            yield from _limits(limits)
        for rule in ours:
            yield from _automation(rule, f"provider.{quoted(isp)}")


def _limits(limits: PathLimits) -> Iterator[str]:
    yield f"connection_limit = {limits.connections}"
    yield f"max_deliveries_per_connection = {limits.messages_per_connection}"
    if not is_unlimited(limits.rate):
        rate, _ = counted_rate(limits.rate)
        yield f"max_message_rate = {quoted(f'{rate},max_burst={limits.burst}')}"
    if limits.connection_rate is not None:
        yield f"max_connection_rate = {quoted(counted_rate(limits.connection_rate)[0])}"


def _automation(rule: Rule, site: str) -> Iterator[str]:
    yield ""
    yield (
        f"[[{site}.automation]]   # {rule.name}"
        if rule.name.isprintable()
        else f"[[{site}.automation]]"
    )
    yield f"regex = {quoted('(?i)' + (line_pattern(rule.match) or ''))}"
    action = rule.action
    if action.kind == "set-rate":
        value = quoted(counted_rate(action.rate)[0])
        yield f'action = {{ SetConfig = {{ name = "max_message_rate", value = {value} }} }}'
    elif action.kind == "set-connections":
        value = str(action.connections)
        yield f'action = {{ SetConfig = {{ name = "connection_limit", value = {value} }} }}'
    else:
        yield 'action = "Suspend"'
    if rule.trigger.count > 1:
        window = max(1, round(rule.trigger.window))
        yield f"trigger = {{ Threshold = {quoted(f'{rule.trigger.count}/{window}s')} }}"
    yield f"duration = {quoted(f'{max(1, round(rule.duration))}s')}"


def _queues(draft: Draft, base: float, longest: float, age: int) -> Iterator[str]:
    yield from head(
        draft,
        "queues.toml",
        (
            "In the policy: local queue_module = require 'policy-extras.queue'",
            "               local queues = queue_module:setup { '/path/of/queues.toml' }",
            "and queues:apply(msg) where messages come in.",
        ),
    )
    yield "[queue.default]"
    yield f"egress_pool = {quoted(_POOL)}"
    yield f"retry_interval = {quoted(f'{base:.0f}s')}"
    yield f"max_retry_interval = {quoted(f'{longest:.0f}s')}"
    yield f"max_age = {quoted(f'{age}s')}"
