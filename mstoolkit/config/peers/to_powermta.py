"""A strategy as a PowerMTA configuration: virtual MTAs, a pool, and limits by domain."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, repeat

from mstoolkit.config.pacing import Limits, Pacing
from mstoolkit.config.peers.draft import file_text
from mstoolkit.config.peers.found import UNLIMITED_MESSAGES, give_up_after
from mstoolkit.config.peers.reduced import (
    Draft,
    Exported,
    counted_rate,
    head,
    is_unlimited,
    line_pattern,
    plain_names,
)
from mstoolkit.config.retry import Retry
from mstoolkit.config.rules import Rule, Trigger

_POOL = "mstoolkit"


def to_powermta(draft: Draft) -> Exported:
    """Write a strategy for PowerMTA."""
    names = plain_names(draft.used)
    _losses(draft, names)
    rules = [rule for rule in draft.policy.rules if _expressible(draft, rule)]
    pacing = draft.policy.pacing
    common = _coarse(
        Limits(
            rate=pacing.rate,
            connections=pacing.connections,
            messages_per_connection=pacing.messages_per_connection,
            connection_rate=pacing.connection_rate,
        )
    )
    delays, lifetime = draft.delays(), draft.lifetime()
    attempts = give_up_after(chain(delays, repeat(delays[-1])), lifetime)
    retry = Retry(schedule=tuple(delays), jitter=0.0, attempts=attempts, hints=False)
    own = {
        name: {
            "limits": _coarse(server.limits),
            "isp_limits": {isp: _coarse(each) for isp, each in server.isp_limits.items()},
        }
        for name, server in draft.used.items()
    }
    lines = [
        *head(
            draft, "config", ("Host names are guesses: give each address that of its PTR record.",)
        ),
        *_vmtas(draft, names),
        *_pool(names),
        *_rules(draft, rules),
        "<domain *>",
        *(f"    {line}" for line in _limits(common)),
        f"    retry-after {','.join(f'{delay:.0f}s' for delay in delays)}",
        f"    bounce-after {lifetime}s",
        *(["    smtp-pattern-list any"] if any(not rule.match.isp for rule in rules) else []),
        "</domain>",
    ]
    left = {"burst": 1} | common.model_dump(exclude_none=True)
    reduced = draft.reduced({"kind": "round-robin"}, Pacing(**left), retry, rules)
    servers = draft.servers(dict.fromkeys(draft.used, 1.0), own)
    return Exported({"config": file_text(lines)}, tuple(draft.lost), reduced, servers)


def _losses(draft: Draft, names: dict[str, str]) -> None:
    kind = draft.policy.rotation.kind
    if kind != "round-robin":
        draft.lose(f"rotation {kind}: pools of PowerMTA 5.0 are served in turn")
    if len(set(draft.weights(most=1000).values())) > 1:
        draft.lose("weights: pools of PowerMTA 5.0 have none; all servers get the same share")
    draft.common_losses()
    if draft.policy.pacing.feedback is not None:
        draft.lose("pacing.feedback: connections do not grow and shrink in PowerMTA")
    draft.lose("burst: max-msg-rate states none; taken as one message at a time")
    draft.lose("limits of a provider hold for each of its domains by itself, unless rolled "
               "up")  # fmt: skip
    if draft.policy.retry.jitter:
        draft.lose("retry.jitter: retry-after is exact")
    for name, plain in names.items():
        if name != plain:
            draft.lose(f"server {name}: is called {plain}")


def _expressible(draft: Draft, rule: Rule) -> bool:
    plain = rule.scope == "path" and rule.trigger == Trigger() and rule.action.kind == "suspend"
    known = all(isp in draft.scenario.audience.isps for isp in rule.match.isp)
    if plain and known and line_pattern(rule.match) is not None:
        return True
    draft.lose(f"rule {rule.name}: only an immediate suspension of a path can be written")
    return False


def _coarse(limits: Limits) -> Limits:
    """Return limits as PowerMTA can state them: whole numbers per unit, no burst, no quotas."""
    rate, burst, dial = limits.rate, None, limits.connection_rate
    if rate is not None:
        rate, burst = (rate, int(rate)) if is_unlimited(rate) else (counted_rate(rate)[1], 1)
    return Limits(
        rate=rate,
        burst=burst,
        connections=limits.connections,
        messages_per_connection=limits.messages_per_connection,
        connection_rate=None if dial is None else counted_rate(dial)[1],
    )


def _vmtas(draft: Draft, names: dict[str, str]) -> Iterator[str]:
    for name, server in draft.used.items():
        plain = names[name]
        yield f"<virtual-mta {plain}>"
        host = f"{plain}.{draft.scenario.sending_domain}"
        if server.source_ip:
            yield f"    smtp-source-host {server.source_ip} {host}"
        else:
            yield f"    # smtp-source-host ADDRESS {host}   (not in the scenario)"
        yield from _block("*", server.limits)
        for isp, limits in server.isp_limits.items():
            for domain in draft.scenario.isps[isp].domains:
                yield from _block(domain, limits)
        yield "</virtual-mta>"
        yield ""


def _block(domain: str, limits: Limits) -> Iterator[str]:
    lines = list(_limits(_coarse(limits)))
    if lines:
        yield f"    <domain {domain}>"
        yield from (f"        {line}" for line in lines)
        yield "    </domain>"


def _limits(limits: Limits) -> Iterator[str]:
    if limits.connections is not None:
        yield f"max-smtp-out {limits.connections}"
    if limits.rate is not None:
        rate = "unlimited" if is_unlimited(limits.rate) else counted_rate(limits.rate)[0]
        yield f"max-msg-rate {rate}"
    if limits.connection_rate is not None:
        yield f"max-connect-rate {counted_rate(limits.connection_rate)[0]}"
    if (messages := limits.messages_per_connection) is not None:
        yield f"max-msg-per-connection {0 if messages >= UNLIMITED_MESSAGES else messages}"


def _pool(names: dict[str, str]) -> Iterator[str]:
    yield f"<virtual-mta-pool {_POOL}>"
    for plain in names.values():
        yield f"    virtual-mta {plain}"
    yield "</virtual-mta-pool>"
    yield ""


def _rules(draft: Draft, rules: list[Rule]) -> Iterator[str]:
    by_isp: dict[str, list[Rule]] = {}
    for rule in rules:
        by_isp.setdefault(rule.match.isp[0] if rule.match.isp else "", []).append(rule)
    for isp, ours in by_isp.items():
        yield f"<smtp-pattern-list {isp or 'any'}>"
        for rule in ours:
            pattern = (line_pattern(rule.match) or "").replace("/", r"\/")
            seconds = max(1, round(rule.duration))
            yield f"    reply /{pattern}/ disable-source-ip,reenable-after={seconds}s"
        yield "</smtp-pattern-list>"
        for domain in draft.scenario.isps[isp].domains if isp else ():
            yield f"<domain {domain}>"
            yield f"    smtp-pattern-list {isp}"
            yield "</domain>"
        yield ""
