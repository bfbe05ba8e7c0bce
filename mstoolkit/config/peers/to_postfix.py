"""A strategy as Postfix's ``main.cf`` and ``master.cf``: a transport a server, drawn by randmap."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import NamedTuple

from mstoolkit.config.pacing import FeedbackSpec, Limits, Pacing
from mstoolkit.config.peers.draft import file_text
from mstoolkit.config.peers.found import UNLIMITED_MESSAGES, UNLIMITED_RATE
from mstoolkit.config.peers.postfix import postfix_retry
from mstoolkit.config.peers.reduced import Draft, Exported, head, is_unlimited, plain_names

_MOST = 100  # entries of a randmap for one server
_SERVICES = (
    "smtp", "relay", "lmtp", "local", "virtual", "error", "retry", "discard", "default", "bounce",
    "defer", "trace", "verify", "flush", "proxymap", "proxywrite", "pickup", "cleanup", "qmgr",
    "rewrite", "tlsmgr", "anvil", "scache", "postlog", "showq",
)  # fmt: skip
_SCORES = {"fixed": "", "1/N": "/concurrency", "1/sqrtN": "/sqrt_concurrency"}


class _Lane(NamedTuple):
    """What can be said of a transport: connections, delay between messages (s), messages each."""

    connections: int
    delay: int
    messages: int

    def limits(self) -> Limits:
        """Return how fast that is."""
        if self.delay:
            return Limits(
                rate=1.0 / self.delay,
                burst=1,
                connections=1,
                messages_per_connection=self.messages,
            )
        return Limits(
            rate=UNLIMITED_RATE,
            burst=int(UNLIMITED_RATE),
            connections=self.connections,
            messages_per_connection=self.messages,
        )


def to_postfix(draft: Draft) -> Exported:
    """Write a strategy for Postfix."""
    names = plain_names(draft.used, reserved=_SERVICES)
    weights = draft.weights(_MOST)
    lanes = {name: _lane(draft, name) for name in draft.used}
    _losses(draft, names)
    delays, grid = draft.delays(), max(1, ceil(draft.policy.retry.quantum))
    least, most, lifetime = delays[0], max(delays), draft.lifetime()
    retry = postfix_retry(least, most, lifetime, grid)
    draft.lose("retry: a delay is the message's age, between the shortest and the longest")
    feedback = draft.policy.pacing.feedback or FeedbackSpec()
    main = [
        *head(draft, "main.cf", ("Add these lines to main.cf; reload Postfix after.",)),
        *_routing(names, weights),
        *_limits(names, lanes),
        *_feedback(feedback),
        f"minimal_backoff_time = {least:.0f}s",
        f"maximal_backoff_time = {most:.0f}s",
        f"maximal_queue_lifetime = {lifetime}s",
        f"queue_run_delay = {grid}s",
    ]
    hints = (
        "Add these services to master.cf. Helo names are guesses: use those of the PTR records.",
    )
    master = [*head(draft, "master.cf", hints), *_services(draft, names, lanes)]
    common = {**_lane_of(draft.policy.pacing).limits().model_dump(), "feedback": feedback}
    reduced = draft.reduced({"kind": "random"}, Pacing.model_validate(common), retry, dead=least)
    servers = draft.servers(
        {name: float(weight) for name, weight in weights.items()},
        {name: {"limits": lane.limits()} for name, lane in lanes.items()},
    )
    files = {"main.cf": file_text(main), "master.cf": file_text(master)}
    return Exported(files, tuple(draft.lost), reduced, servers)


def _losses(draft: Draft, names: dict[str, str]) -> None:
    kind = draft.policy.rotation.kind
    if kind != "random":
        draft.lose(f"rotation {kind}: Postfix draws a transport by chance, weights by repetition")
    draft.common_losses()
    if draft.policy.pacing.feedback is None:
        draft.lose("pacing: Postfix always moves connections by its concurrency feedback")
    if any(server.isp_limits for server in draft.used.values()):
        draft.lose("isp_limits: a transport has the same limits for all destinations")
    for rule in draft.policy.rules:
        draft.lose(f"rule {rule.name}: Postfix does nothing upon the text of a reply")
    for name, plain in names.items():
        if name != plain:
            draft.lose(f"server {name}: its transport is called {plain}")


def _lane(draft: Draft, name: str) -> _Lane:
    limits, pacing = draft.used[name].limits, draft.policy.pacing
    set_here = limits.model_dump(exclude_none=True)
    if limits.connection_rate or pacing.connection_rate:
        draft.lose("connection_rate: Postfix does not limit how often connections are opened")
    merged = Pacing.model_validate({**pacing.model_dump(), **set_here})
    if not is_unlimited(merged.rate):
        if merged.rate > 1.0:
            draft.lose("rates above one message a second: rate delays are whole seconds; those "
                       "paths are held by their connections alone")  # fmt: skip
        else:
            draft.lose("rates: a rate delay is whole seconds, without a burst, over one "
                       "connection")  # fmt: skip
    return _lane_of(merged)


def _lane_of(pacing: Pacing) -> _Lane:
    slow = pacing.rate <= 1.0
    return _Lane(
        pacing.connections,
        ceil(round(1.0 / pacing.rate, 9)) if slow else 0,
        min(pacing.messages_per_connection, UNLIMITED_MESSAGES),
    )


def _routing(names: dict[str, str], weights: dict[str, int]) -> Iterator[str]:
    yield "# Each message draws its transport; what stands there twice is drawn twice as often."
    entries = [f"{names[name]}:" for name, weight in weights.items() for _ in range(weight)]
    yield "sender_dependent_default_transport_maps ="
    yield "    randmap:{"
    for start in range(0, len(entries), 8):
        comma = "," if start + 8 < len(entries) else ""
        yield f"        {', '.join(entries[start : start + 8])}{comma}"
    yield "    }"
    yield ""


def _limits(names: dict[str, str], lanes: dict[str, _Lane]) -> Iterator[str]:
    for name, lane in lanes.items():
        yield f"{names[name]}_destination_concurrency_limit = {lane.connections}"
        if lane.delay:
            yield f"{names[name]}_destination_rate_delay = {lane.delay}s"
    yield ""


def _feedback(spec: FeedbackSpec) -> Iterator[str]:
    yield f"initial_destination_concurrency = {spec.initial}"
    for sign, kind in (("positive", spec.positive), ("negative", spec.negative)):
        score = f"{spec.amount:g}{_SCORES[kind]}"
        yield f"default_destination_concurrency_{sign}_feedback = {score}"
    cohorts = max(1, round(spec.failed_cohorts))
    yield f"default_destination_concurrency_failed_cohort_limit = {cohorts}"
    yield ""


def _services(draft: Draft, names: dict[str, str], lanes: dict[str, _Lane]) -> Iterator[str]:
    for name, server in draft.used.items():
        plain = names[name]
        yield f"{plain} unix - - n - - smtp"
        if server.source_ip:
            version = "6" if ":" in server.source_ip else ""
            yield f"    -o smtp_bind_address{version}={server.source_ip}"
        yield f"    -o smtp_helo_name={plain}.{draft.scenario.sending_domain}"
        yield f"    -o syslog_name=postfix/{plain}"
        if lanes[name].messages < UNLIMITED_MESSAGES:
            yield f"    -o smtp_connection_reuse_count_limit={lanes[name].messages}"
