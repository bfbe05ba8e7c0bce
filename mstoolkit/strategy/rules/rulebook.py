"""Which rules a reply fires. No clock: `now` comes with the reply.

A reply is looked up, not searched: what a reply matches is kept, as the same few replies come
again and again. The toolkit's own replies (code 0: refused connections, timeouts, a stopped run)
match nothing. Otherwise a rule could feed itself, as KumoMTA's did before ``match_internal``: its
suspension makes internal refusals, which match the rule, which extend the suspension.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from mstoolkit.config.rules import Action, Match, Rule, Scope, compile_pattern
from mstoolkit.model import Reply
from mstoolkit.strategy.rules.window import Proportion, Window

TEXT = 1000  # characters of a reply that are searched
REPLIES = 4096  # replies of which is known what they match
KEYS = 10_000  # rules x keys that are counted at once
VERSION = 1


class Consequence(NamedTuple):
    """What follows from a reply.

    Parameters
    ----------
    rule : str
        Name of the rule that fired.
    action : Action
        What is to be done.
    until : float
        When it ends, in the time of `now`.
    scope : {"path", "server", "isp", "campaign", "stream", "message"}
        To what it is done.
    """

    rule: str
    action: Action
    until: float
    scope: Scope


class _Criteria:
    """A rule's match, its patterns compiled."""

    __slots__ = ("_codes", "_line", "_phases", "_statuses", "_text")

    def __init__(self, match: Match) -> None:
        self._text = compile_pattern(match.text) if match.text else None
        self._line = compile_pattern(match.line) if match.line else None
        self._codes = frozenset(match.code)
        self._phases = frozenset(match.phase)
        statuses = (re.escape(status).replace(r"\*", r"\d+") for status in match.status)
        self._statuses = re.compile("|".join(statuses)) if match.status else None

    def met(self, reply: Reply) -> bool:
        """Whether a reply is what the rule is for; the ISP has been looked at before."""
        return (
            (not self._codes or reply.code in self._codes)
            and (not self._phases or reply.phase in self._phases)
            and (self._statuses is None or bool(self._statuses.fullmatch(reply.status)))
            and (self._text is None or bool(self._text.search(reply.text[:TEXT])))
            and (self._line is None or bool(self._line.search(_line(reply))))
        )


def _line(reply: Reply) -> str:
    """Return a reply as the server sent it."""
    return " ".join(filter(None, (str(reply.code), reply.status, reply.text[:TEXT])))[:TEXT]


def _is_for(rule: Rule, isp: str) -> bool:
    return not rule.match.isp or isp in rule.match.isp


class _Whose(NamedTuple):
    """Of what a message is: what may be counted apart."""

    isp: str
    server: str
    campaign: str
    stream: str


def _key(scope: Scope, whose: _Whose) -> str:
    """Return what is counted apart: what the scope names; of messages, the path they took."""
    match scope:
        case "server":
            return whose.server
        case "isp":
            return whose.isp
        case "campaign":
            return f"{whose.campaign} to {whose.isp}"
        case "stream":
            return f"stream {whose.stream} to {whose.isp}"
        case _:
            return f"{whose.server}/{whose.isp}"


class Rulebook:
    """Rules, and how often each has matched of late.

    Parameters
    ----------
    rules : iterable of Rule
        Each with a name of its own. All that match are counted, not only the first; each over what
        its scope names.
    replies : int, optional
        How many replies are remembered with the rules they match.
    keys : int, optional
        How many pairs of rule and key are counted; past that, the pair that has matched nothing
        for the longest time starts anew.

    Attributes
    ----------
    counts_all : bool
        Whether replies that match nothing must be told too, as some rule goes by a share.

    Examples
    --------
    >>> from mstoolkit.config.rules import load_rules
    >>> book = Rulebook(load_rules("gmail").rules)
    >>> reply = Reply(421, "4.7.28", "Gmail has detected an unusual rate of unsolicited mail")
    >>> book.consider(reply, "gmail", "mta-1", 1, now=0.0)
    ()
    >>> [(c.action.kind, c.until) for c in book.consider(reply, "gmail", "mta-1", 1, 60.0)]
    [('set-rate', 1860.0)]
    """

    def __init__(self, rules: Iterable[Rule], *, replies: int = REPLIES, keys: int = KEYS) -> None:
        self._rules = tuple(rules)
        self._numbers = {rule.name: number for number, rule in enumerate(self._rules)}
        if len(self._numbers) < len(self._rules):
            raise ValueError("two rules have the same name")
        self._criteria = tuple(_Criteria(rule.match) for rule in self._rules)
        self._replies = replies
        self._keys = keys
        self._known: dict[tuple[Reply, str], tuple[int, ...]] = {}
        self._windows: OrderedDict[tuple[int, str], Window | Proportion] = OrderedDict()
        self._shares = tuple(n for n, rule in enumerate(self._rules) if rule.trigger.share)
        self.counts_all = bool(self._shares)

    def consider(
        self,
        reply: Reply,
        isp: str,
        server: str,
        n: int,
        now: float,
        campaign: str = "",
        stream: str = "",
    ) -> tuple[Consequence, ...]:
        """Count a reply, and return what follows from it.

        A rule whose count is reached fires at each further match within the window too, so that
        a consequence lasts from the last match on.

        Parameters
        ----------
        reply : Reply
            What the server said.
        isp : str
            Whose server it was.
        server : str
            By which of our servers the mail went.
        n : int
            How many messages got this reply, at least 1.
        now : float
            Time of the reply in seconds; never goes back.
        campaign, stream : str, optional
            Whose mail it was.
        """
        whose = _Whose(isp, server, campaign, stream)
        numbers = self.matching(reply, isp)
        if self._shares and reply.code:
            for number in self._shares:
                if number not in numbers and _is_for(self._rules[number], isp):
                    self._pass(number, whose, n, now)
        if not numbers:
            return ()
        return tuple(
            Consequence(rule.name, rule.action, now + rule.duration, rule.scope)
            for number in numbers
            if self._fires(number, rule := self._rules[number], _key(rule.scope, whose), n, now)
        )

    def matching(self, reply: Reply, isp: str) -> tuple[int, ...]:
        """Return the numbers of the rules that a reply of an ISP's server matches."""
        if reply.code < 400:
            return ()
        numbers = self._known.get((reply, isp))
        return self._look_up(reply, isp) if numbers is None else numbers

    def snapshot(self) -> dict[str, Any]:
        """Return the counts as JSON-able values; what replies match is found again."""
        return {
            "version": VERSION,
            "counts": [
                [self._rules[number].name, key, window.matches()]
                for (number, key), window in self._windows.items()
            ],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up the counts that `snapshot` returned; the rules must be the same.

        Raises
        ------
        ValueError
            If it was taken by another version, or with a rule that is not here.
        """
        if state["version"] != VERSION:
            raise ValueError(f"a snapshot of version {state['version']}, not {VERSION}")
        windows: OrderedDict[tuple[int, str], Window | Proportion] = OrderedDict()
        for name, key, matches in state["counts"]:
            number = self._numbers.get(name)
            if number is None:
                raise ValueError(f"a snapshot with a rule that is not here: {name!r}")
            windows[number, key] = self._window(number, [tuple(match) for match in matches])
        self._windows = windows

    def _fires(self, number: int, rule: Rule, key: str, n: int, now: float) -> bool:
        if rule.trigger.count == 1 and not rule.trigger.share:
            return True
        return self._counted(number, key).add(n, now)

    def _pass(self, number: int, whose: _Whose, n: int, now: float) -> None:
        """Count `n` attempts that a rule by share does not match."""
        key = _key(self._rules[number].scope, whose)
        window = self._counted(number, key)
        assert isinstance(window, Proportion)
        window.passed(n, now)

    def _counted(self, number: int, key: str) -> Window | Proportion:
        """Return what counts for a rule and a key, and keep it among the newest."""
        window = self._windows.get((number, key))
        if window is None:
            if len(self._windows) >= self._keys:
                self._windows.popitem(last=False)
            window = self._windows[number, key] = self._window(number)
        else:
            self._windows.move_to_end((number, key))
        return window

    def _window(self, number: int, kept: Sequence[tuple[Any, ...]] = ()) -> Window | Proportion:
        trigger = self._rules[number].trigger
        if trigger.share:
            return Proportion(trigger.share, trigger.count, trigger.window, kept)
        return Window(trigger.count, trigger.window, kept)

    def _look_up(self, reply: Reply, isp: str) -> tuple[int, ...]:
        """Find what a reply matches and keep it; the one kept for the longest time goes."""
        numbers = tuple(
            number
            for number, rule in enumerate(self._rules)
            if _is_for(rule, isp) and self._criteria[number].met(reply)
        )
        if len(self._known) >= self._replies:
            del self._known[next(iter(self._known))]
        self._known[reply, isp] = numbers
        return numbers
