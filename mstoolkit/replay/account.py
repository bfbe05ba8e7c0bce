"""An explanation in words, for a terminal: plain text, and tables that line up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mstoolkit.strategy.explain import Block, Situation, Standing

if TYPE_CHECKING:
    from mstoolkit.replay.explain import Explanation, Moment


def clock(seconds: float) -> str:
    """Return a scenario time (s) as hours, minutes and seconds.

    Examples
    --------
    >>> clock(3725.27)
    '1:02:05.3'
    """
    tenths = round(seconds * 10)
    hours, rest = divmod(tenths, 36_000)
    minutes, rest = divmod(rest, 600)
    return f"{hours}:{minutes:02d}:{rest // 10:02d}.{rest % 10}"


def against(standing: Standing) -> str:
    """Return what stands against a server, in words; empty if nothing does."""
    return "; ".join(_block(block) for block in standing.blocks)


def account(explanation: Explanation) -> str:
    """Return the whole account."""
    parts = [f"{explanation.subject}", *explanation.notes]
    parts += [""] if explanation.moments else []
    for moment in explanation.moments:
        parts += [*_moment(explanation, moment), ""]
    return "\n".join(parts).rstrip()


def _block(block: Block) -> str:
    text = block.reason
    if block.until is not None:
        text += f" until {clock(block.until)}"
    return text if block.hard else f"{text} (soft)"


def _moment(explanation: Explanation, moment: Moment) -> Iterator[str]:
    situation = moment.situation
    rows = situation.standings
    if moment.attempt:
        many = f" with {moment.n:,} messages" if moment.n > 1 else ""
        yield f"Attempt {moment.attempt} at {clock(moment.at)}{many}: {moment.chosen}"
    else:
        yield _verdict(explanation, moment)
    yield f"  {_queue(situation)}"
    yield f"  {_choice(explanation.rotation, situation)}"
    yield ""
    yield from (f"  {line}" for line in _table(rows, moment.chosen or explanation.focus))
    if moment.attempt:
        yield ""
        for outcome in moment.outcomes or ("no answer was recorded",):
            yield f"  -> {outcome}"


def _verdict(explanation: Explanation, moment: Moment) -> str:
    situation, server = moment.situation, explanation.focus
    mine = next((row for row in situation.standings if row.server == server), None)
    if mine is None:
        return f"At {clock(moment.at)}, to {_route(situation)}:"
    if mine.ready:
        told = "could send"
        if situation.waiting == 0:
            told += ", but nothing waited for it"
    elif mine.eligible:
        told = f"may be used, but had to wait: {_holding(mine, 'wait')}"
    else:
        told = f"could not be used: {_holding(mine, 'out')}"
    return f"{server} to {_route(situation)} {told}."


def _holding(row: Standing, effect: str) -> str:
    return "; ".join(_block(block) for block in row.blocks if block.effect == effect)


def _route(situation: Situation) -> str:
    key = situation.key
    parts = [key.isp]
    parts += [f"stream {key.stream}"] if key.stream else []
    parts += [f"the policy's route {key.rule}"] if key.rule >= 0 else []
    parts += [f"mail that waits for {key.pin}"] if key.pin else []
    return ", ".join(parts)


def _queue(situation: Situation) -> str:
    later = f", {situation.later:,} more are due later" if situation.later else ""
    spills = "; none of its own servers can be used, so it spills" if situation.spilling else ""
    messages = f"{situation.waiting:,} message{'' if situation.waiting == 1 else 's'}"
    return f"Waiting for {_route(situation)}: {messages}{later}{spills}."


def _choice(rotation: str, situation: Situation) -> str:
    rows = situation.standings
    eligible = sum(row.eligible for row in rows)
    ready = [row.server for row in rows if row.ready]
    chosen = next((row.server for row in rows if row.next), "")
    state = ", ".join(f"{name} {_value(value)}" for name, value in situation.rotation.items())
    of = f"Of {len(rows)} servers {eligible} may be used, {len(ready)} could send"
    if not ready:
        told = "so nothing goes"
    elif situation.keyed:
        told = f"and by {rotation} each message goes by its own"
    elif not chosen:
        told = f"and {rotation} waits for {situation.awaits or 'another one'}"
    elif len(ready) == 1:
        told = f"so it is {chosen}"
    else:
        told = f"and {rotation} chooses {chosen}"
    return f"{of}, {told}{f' ({state})' if state else ''}."


def _value(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _table(rows: Sequence[Standing], marked: str) -> Iterator[str]:
    scores = list(dict.fromkeys(name for row in rows for name, _ in row.score))
    head = ["", "server", "weight", "asked", *scores, "in use", "free", "now", "against it"]
    lines = [head]
    for row in rows:
        kept = dict(row.score)
        lines.append(
            [
                ">" if row.server == marked else "",
                row.server,
                f"{row.weight:g}",
                f"{100 * row.asked:.1f} %",
                *(f"{kept[name]:.4g}" if name in kept else "" for name in scores),
                str(row.in_flight),
                str(row.free),
                "ready" if row.ready else "waits" if row.eligible else "out",
                against(row) or "",
            ]
        )
    widths = [max(len(line[k]) for line in lines) for k in range(len(head))]
    words = {0, 1, len(head) - 2, len(head) - 1}
    for line in lines:
        cells = (
            cell.ljust(width) if k in words else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()
