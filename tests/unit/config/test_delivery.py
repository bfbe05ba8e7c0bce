"""How a server is spoken to, as a scenario file says it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from mstoolkit.config import ConfigError, Server, parsed
from mstoolkit.config.delivery import Auth, Delivery, Timeouts
from mstoolkit.config.units import WRITTEN

PASSWORD = "correct horse battery"


def read(**tree: Any) -> Delivery:
    return Server.model_validate({"delivery": tree}, context=WRITTEN).delivery


def test_a_whole_table_is_read() -> None:
    """Every key in the units of a file."""
    delivery = read(
        tls="required",
        ca_file="ca.pem",
        tls_name="mx.example",
        helo="mta-1.news.example",
        source_address="127.0.0.1",
        auth={"mechanism": "plain", "user": "me", "secret": "env:SMTP_PASSWORD"},
        timeouts={"connect": "30s", "dot": "10min"},
        noop_after="45s",
        notify=["failure", "delay"],
        dkim=[{"domain": "news.example", "selector": "s1", "key_file": "key.pem"}],
    )
    assert (delivery.timeouts.connect, delivery.timeouts.dot) == (30.0, 600.0)
    assert delivery.noop_after == 45.0
    assert delivery.auth is not None
    assert delivery.dkim[0].selector == "s1"
    assert parsed(Delivery, delivery.model_dump_json(), key="delivery") == delivery
    assert hash(delivery)


def test_the_timeouts_are_those_of_the_standard() -> None:
    """RFC 5321, 4.5.3.2: 5 min for banner, MAIL and RCPT, 2 and 3 and 10 min for the message."""
    times = Timeouts()
    assert (times.connect, times.mail, times.rcpt) == (300.0, 300.0, 300.0)
    assert (times.data, times.block, times.dot) == (120.0, 180.0, 600.0)


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        ({"helo": "two words"}, "is no host name"),
        ({"helo": "a\r\nRSET"}, "is no host name"),
        ({"source_address": "mta-1"}, "is no IP address"),
        ({"notify": ["never", "delay"]}, "stands alone"),
        ({"timeouts": {"dot": 600}}, "is not a duration"),
        ({"timeouts": {"dot": "0s"}}, "greater than 0"),
        ({"dkim": [{"domain": "a b", "selector": "s", "key_file": "k"}]}, "is no domain name"),
        ({"auth": {"user": "a\nb", "secret": "env:A"}}, "control character"),
    ],
)
def test_what_cannot_be_used_is_refused(tree: dict[str, Any], words: str) -> None:
    """Each with a sentence that says what is wrong."""
    with pytest.raises(ValidationError, match=words):
        read(**tree)


@pytest.mark.parametrize(
    "auth",
    [
        {"user": "me", "secret": PASSWORD},
        {"user": "me", "password": PASSWORD},
        {"user": "me", "secret": f"env:{PASSWORD}"},
        {"secret": PASSWORD},
        {"user": "", "secret": PASSWORD, "mechanism": "magic"},
    ],
)
def test_a_password_in_the_file_is_refused_and_not_shown(auth: dict[str, str]) -> None:
    """Neither the sentence for the user nor the validator's own error repeats it."""
    with pytest.raises(ValidationError) as caught:
        Auth.model_validate(auth)
    told = f"{caught.value} {caught.value!r} {caught.value.errors()}"
    with pytest.raises(ConfigError) as explained:
        parsed(Server, f'{{"delivery": {{"auth": {_json(auth)}}}}}', key="servers.a")
    assert PASSWORD not in told + str(explained.value) + repr(explained.value)


def _json(tree: dict[str, str]) -> str:
    import json

    return json.dumps(tree)
