"""Postfix's main.cf and master.cf become servers, weights, limits, feedback and retry times."""

from __future__ import annotations

import pytest

from mstoolkit.config import ConfigError
from mstoolkit.config.pacing import FeedbackSpec, Limits
from mstoolkit.config.peers import Found, Text, read_postfix_files, told

MAIN = """
# main
myhostname = mail.example.com
first = out1
sender_dependent_default_transport_maps =
    randmap:{$first:, ${first}:,
# a comment within
        out2:}
default_destination_concurrency_limit = 8
out1_destination_concurrency_limit = 3
out2_destination_rate_delay = 2s
initial_destination_concurrency = 2
default_destination_concurrency_positive_feedback = 1/concurrency
default_destination_concurrency_negative_feedback = 1 / sqrt_concurrency
smtp_connection_reuse_count_limit = 40
minimal_backoff_time = 10m
maximal_backoff_time = 1h
maximal_queue_lifetime = 1
"""

MASTER = """
smtp      inet  n       -       y       -       -       smtpd
pickup    unix  n       -       y       60      1       pickup
out1      unix  -       -       n       -       -       smtp
    -o smtp_bind_address=192.0.2.1 -o smtp_helo_name=out1.example.com
    -o smtp_connection_reuse_count_limit=7
out2      unix  -       -       n       -       -       smtp -o { smtp_bind_address = 192.0.2.2 }
out3      unix  -       -       n       -       -       smtp -o smtp_bind_address=192.0.2.3
"""


def read(*texts: str) -> Found:
    """Read files, the first of them named main.cf and the second master.cf."""
    return read_postfix_files(
        [Text(*each) for each in zip(("main.cf", "master.cf"), texts, strict=False)]
    )


def test_transports_of_a_randmap() -> None:
    """Repetition is weight; the transports of master.cf give the addresses."""
    found = read(MAIN, MASTER)
    assert {n: (s.source_ip, s.weight) for n, s in found.servers.items()} == {
        "out1": ("192.0.2.1", 2.0),
        "out2": ("192.0.2.2", 1.0),
    }
    assert found.policy.rotation.kind == "random"


def test_limits_by_transport() -> None:
    """Concurrency is connections; a rate delay is a rate over one connection."""
    found = read(MAIN, MASTER)
    assert found.servers["out1"].limits == Limits(connections=3, messages_per_connection=7)
    assert found.servers["out2"].limits == Limits(rate=0.5, burst=1, connections=1)
    assert found.policy.pacing.connections == 8
    assert found.policy.pacing.messages_per_connection == 40


def test_feedback_and_retry() -> None:
    """Feedback is kept as it is; a delay is the message's age within bounds."""
    policy = read(MAIN, MASTER).policy
    assert policy.pacing.feedback == FeedbackSpec(initial=2, positive="1/N", negative="1/sqrtN")
    assert policy.retry.schedule == (600.0, 600.0, 1200.0, 2400.0, 3600.0)
    assert policy.failover.path.base == 600.0, "a dead destination is left alone for so long"
    plain = read("relayhost = [mx.example.com]:587").policy
    assert plain.retry.preset == "postfix"
    assert (plain.pacing.feedback, plain.pacing.connections) == (FeedbackSpec(), 20)


def test_delays_and_limits_of_zero() -> None:
    """A transport's own delay or 0 comes before the default one; 0 connections are no limit."""
    routes = "transport_maps = randmap:{a:, b:, c:}\ndefault_destination_rate_delay = 4s\n"
    own = "a_destination_rate_delay = 0\nb_destination_concurrency_limit = 9\n"
    found = read(f"{routes}{own}c_destination_rate_delay = 2s\na_destination_concurrency_limit = 0")
    limits = {name: server.limits for name, server in found.servers.items()}
    assert (limits["a"].rate, limits["a"].connections) == (1000.0, 1000)
    assert (limits["b"].rate, limits["b"].connections) == (0.25, 1)
    assert limits["c"].rate == 0.5
    assert found.policy.pacing.rate == 0.25


@pytest.mark.parametrize(
    ("line", "weights"),
    [
        ("transport_maps = randmap:{relay:[a.example], relay:[b.example]:25, relay:[a.example]}",
         {"a.example": 2.0, "b.example": 1.0}),
        ("default_transport = randmap:{relay:[a.example], smtp:[b.example]}",
         {"a.example": 1.0, "b.example": 1.0}),
        ("sender_dependent_relayhost_maps = hash:/etc/x, randmap:{[a.example], b.example}",
         {"a.example": 1.0, "b.example": 1.0}),
        ("sender_dependent_default_transport_maps = randmap:{relay1,relay2,relay2}",
         {"relay1": 1.0, "relay2": 2.0}),
        ("relayhost = [mx.example.com]:587", {"mx.example.com": 1.0}),
        ("smtp_bind_address = 192.0.2.9", {"postfix": 1.0}),
    ],
)  # fmt: skip
def test_ways_to_route(line: str, weights: dict[str, float]) -> None:
    """Each place where a randmap or a relay may stand is read."""
    assert {n: s.weight for n, s in read(line).servers.items()} == weights


def test_transports_without_a_randmap_count_alike() -> None:
    """What master.cf binds to addresses is the pool, and that this is a guess is told."""
    found = read("x = 1", MASTER)
    assert list(found.servers) == ["out1", "out2", "out3"]
    assert any("no randmap says how" in line for line in told(found.notes))


def test_what_is_not_carried_over_is_told_with_its_line() -> None:
    """Each parameter and option without a counterpart is named with file and line."""
    notes = told(read(MAIN, MASTER).notes)
    for line in (
        "main.cf:3: myhostname: is not carried over",
        "master.cf:2, 3: a service that sends no mail to other hosts",
        "master.cf:4: -o smtp_helo_name: is not carried over",
    ):
        assert line in notes


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("relayhost = [$a]\na = $b\nb = $a", "main.cf:1: relayhost: cannot be expanded, left out"),
        ("relayhost = ${x?y}", "relayhost: cannot be expanded"),
        ("default_destination_concurrency_limit = lots", "is no number: 'lots'"),
        ("minimal_backoff_time = soon", "main.cf:1: minimal_backoff_time: is no time: 'soon'"),
        ("default_destination_concurrency_positive_feedback = -1", "is no feedback: '-1'"),
        ("default_destination_concurrency_negative_feedback = 2", "is taken as 1"),
        ("default_transport = randmap:{a:,b:}", "Postfix looks up no table here"),
        ("transport_maps = hash:/etc/postfix/transport", "transport_maps: is not carried over"),
    ],
)
def test_odd_lines_are_told(text: str, says: str) -> None:
    """A value that makes no sense is told, and the rest is read."""
    found = read(text)
    assert any(says in line for line in told(found.notes))
    assert found.servers


def test_expansion_is_bounded() -> None:
    """Names that multiply grow no text beyond bounds."""
    lines = ["a0 = x"] + [f"a{n} = {f'$a{n - 1}' * 50}" for n in range(1, 19)]
    found = read("\n".join([*lines, "relayhost = $a18"]))
    assert any("relayhost: cannot be expanded" in line for line in told(found.notes))


def test_neither_file() -> None:
    """A line of neither file is refused in a sentence."""
    with pytest.raises(ConfigError, match=r"main.cf:2: is a line neither of main.cf nor .*'hello"):
        read("a = 1\nhello there\n")
    with pytest.raises(ConfigError, match=r"postfix: name no sending address; give main.cf"):
        read("")
