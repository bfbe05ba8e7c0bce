"""TLS and AUTH over real sockets: what is trusted and refused, and who gets to see a password."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from mstoolkit.config import ConfigError, Server
from mstoolkit.config.delivery import Auth, Delivery
from mstoolkit.live.auth import Secret, find_secret
from mstoolkit.live.connection import Connection, NotTriedError
from mstoolkit.live.ready import check_deliveries
from mstoolkit.model import Reply

LETTER = b"Subject: x\r\n\r\nbody\r\n"
PASSWORD = "corr3ct-h0rse battery"
VARIABLE = "MSTOOLKIT_TEST_PASSWORD"
SECRET = f"env:{VARIABLE}"


@dataclass
class Authority:
    """A certificate authority of the test, and files that trust it."""

    ca: trustme.CA
    file: str

    def server(self, *names: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(*names).configure_cert(context)
        return context


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    ca = trustme.CA()
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    return Authority(ca, str(path))


@dataclass
class Box:
    """What a server took, and how it was spoken to."""

    bodies: list[bytes] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.bodies.append(envelope.content)
        self.encrypted.append(session.ssl is not None)
        return "250 2.0.0 taken"


def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    known = isinstance(data, LoginPassword) and data.password.decode() == PASSWORD
    return AuthResult(success=known and data.login == b"me", handled=False)


Start = Callable[..., Awaitable[tuple[int, Box]]]
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Spoken:
    """Where a server of one's own is, and its sessions."""

    def __init__(self, talk: Talk) -> None:
        self.port = 0
        self._talk = talk
        self._tasks: list[asyncio.Task[None]] = []

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.append(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await self._talk(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async def over(self) -> None:
        """Wait until all sessions are over."""
        await asyncio.gather(*self._tasks)


@contextlib.asynccontextmanager
async def speaking(talk: Talk) -> AsyncIterator[Spoken]:
    """Serve sessions by a function, and wait for their ends."""
    spoken = Spoken(talk)
    server = await asyncio.start_server(spoken.accept, "127.0.0.1", 0)
    spoken.port = int(server.sockets[0].getsockname()[1])
    async with server:
        yield spoken
        await spoken.over()


@pytest.fixture
async def started() -> AsyncIterator[Start]:
    """Start aiosmtpd servers."""
    servers: list[asyncio.Server] = []

    async def start(
        starttls: ssl.SSLContext | None = None,
        implicit: ssl.SSLContext | None = None,
        **options: Any,
    ) -> tuple[int, Box]:
        box = Box()
        server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(box, hostname="mx.example", tls_context=starttls, **options),
            "127.0.0.1",
            0,
            ssl=implicit,
        )
        servers.append(server)
        return int(server.sockets[0].getsockname()[1]), box

    yield start
    for server in servers:
        server.close()
        await server.wait_closed()


async def sent(port: int, host: str = "localhost", **delivery: Any) -> Reply:
    connection = Connection(host, port, "gmail", 5.0, Delivery(**delivery))
    await connection.connect()
    try:
        return await connection.transact("me@a.example", "you@b.example", LETTER)
    finally:
        await connection.quit()


async def failed(port: int, host: str = "localhost", **delivery: Any) -> Reply:
    with pytest.raises(NotTriedError) as caught:
        await sent(port, host, **delivery)
    return caught.value.reply


# -- certificates


@pytest.mark.parametrize("tls", ["starttls", "required"])
async def test_starttls_with_a_trusted_certificate(
    started: Start, authority: Authority, tls: str
) -> None:
    """The message goes encrypted, whether encryption is asked for or insisted on."""
    port, box = await started(starttls=authority.server("localhost"))
    assert (await sent(port, tls=tls, ca_file=authority.file)).positive
    assert (box.bodies, box.encrypted) == ([LETTER], [True])


async def test_implicit_tls(started: Start, authority: Authority) -> None:
    """TLS from the first byte; several messages on one connection."""
    port, box = await started(implicit=authority.server("localhost"))
    delivery = Delivery(tls="implicit", ca_file=authority.file)
    connection = Connection("localhost", port, "gmail", 5.0, delivery)
    await connection.connect()
    large = b"Subject: x\r\n\r\n" + b"0123456789\r\n" * 20_000
    for letter in (LETTER, large, LETTER):
        assert (await connection.transact("me@a.example", "you@b.example", letter)).positive
    await connection.quit()
    assert box.bodies == [LETTER, large, LETTER]


@pytest.mark.parametrize("tls", ["starttls", "required", "implicit"])
@pytest.mark.parametrize("fault", ["untrusted", "wrong name"])
async def test_a_bad_certificate_is_never_spoken_to(
    started: Start, authority: Authority, tls: str, fault: str
) -> None:
    """One clear sentence, nothing tried, and no falling back to plain text."""
    context = authority.server("localhost" if fault == "untrusted" else "other.example")
    port, box = await started(**{"implicit" if tls == "implicit" else "starttls": context})
    reply = await failed(port, tls=tls, ca_file=authority.file if fault == "wrong name" else "")
    assert reply.code == 0
    assert reply.phase == ("connect" if tls == "implicit" else "ehlo")
    assert reply.text.startswith("the server's certificate is not trusted: ")
    assert ("other" in reply.text or "localhost" in reply.text) is (fault == "wrong name")
    assert box.bodies == []


@pytest.mark.parametrize("tls", ["required", "implicit"])
async def test_a_certificate_of_another_name_can_be_asked_for(
    started: Start, authority: Authority, tls: str
) -> None:
    """`tls_name`: the server is reached by an address, its certificate holds a name."""
    context = authority.server("mx.example")
    port, box = await started(**{"implicit" if tls == "implicit" else "starttls": context})
    options: dict[str, Any] = {"tls": tls, "ca_file": authority.file}
    assert not (await failed(port, "127.0.0.1", **options)).positive
    assert (await sent(port, "127.0.0.1", tls_name="mx.example", **options)).positive
    assert len(box.bodies) == 1


async def test_verification_can_be_given_up(started: Start, authority: Authority) -> None:
    """`verify = false` encrypts and trusts whoever answers."""
    port, box = await started(starttls=authority.server("other.example"))
    assert (await sent(port, tls="required", verify=False)).positive
    assert box.encrypted == [True]


async def test_tls_that_is_required_and_not_offered_sends_nothing(started: Start) -> None:
    """A server without STARTTLS, or somebody who takes it out, gets no mail; `starttls` lets it."""
    port, box = await started()
    reply = await failed(port, tls="required")
    assert reply == Reply(0, "", "TLS is required, and the server does not offer it", "ehlo")
    assert box.bodies == []
    assert (await sent(port, tls="starttls")).positive
    assert box.encrypted == [False]


async def test_a_handshake_that_fails_is_no_mail_in_clear(started: Start) -> None:
    """STARTTLS offered, refused or answered with rubbish: nothing is sent, and it is said why."""
    for answer, later, words in [
        (b"454 4.7.0 not now\r\n", b"", "not now"),
        (b"220 go\r\nrubbish\r\n", b"", "the TLS handshake was cut off"),
        (b"220 go\r\n", b"", "the TLS handshake was cut off"),
        (b"220 go\r\n", b"500 rubbish and no TLS\r\n", "the TLS handshake failed: wrong version"),
        (b"", b"", "the TLS handshake was cut off"),
    ]:
        verbs: list[bytes] = []

        async def talk(
            reader: asyncio.StreamReader,
            writer: asyncio.StreamWriter,
            answer: bytes = answer,
            later: bytes = later,
            verbs: list[bytes] = verbs,
        ) -> None:
            writer.write(b"220 ready\r\n")
            verbs.append(await reader.readline())
            writer.write(b"250-hello\r\n250 STARTTLS\r\n")
            verbs.append(await reader.readline())
            writer.write(answer)
            if later:
                await reader.read(1)
                writer.write(later)

        async with speaking(talk) as spoken:
            reply = await failed(spoken.port, tls="starttls")
        assert words in reply.text
        assert not reply.positive
        assert [verb[:8] for verb in verbs] == [b"EHLO mst", b"STARTTLS"]


def test_files_that_are_not_there_are_told_before_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Certificates, passwords and keys: server, key, file and remedy are named."""
    monkeypatch.delenv(VARIABLE, raising=False)
    (tmp_path / "bad.pem").write_text("no certificate")
    missing, bad = str(tmp_path / "none.pem"), str(tmp_path / "bad.pem")
    auth = Auth(user="me", secret=SECRET)
    signature = {"domain": "a.example", "selector": "s"}
    for delivery, key in [
        (Delivery(tls="required", ca_file=missing), "delivery.ca_file"),
        (Delivery(tls="required", ca_file=bad), "delivery.ca_file"),
        (Delivery(auth=auth), "delivery.auth.secret"),
        (Delivery(dkim=({**signature, "key_file": missing},)), "delivery.dkim.key_file"),
        (Delivery(dkim=({**signature, "key_file": bad},)), "delivery.dkim.key_file"),
    ]:
        with pytest.raises(ConfigError) as caught:
            check_deliveries({"fine": Server(), "mta-1": Server(delivery=delivery)})
        assert caught.value.key == f"servers.mta-1.{key}"
        assert caught.value.remedy


async def test_a_certificate_file_that_goes_away_ends_no_run(authority: Authority) -> None:
    """Once a run goes, a file that cannot be read fails the connection and nothing else."""
    reply = await failed(9, tls="required", ca_file=authority.file + ".gone")
    assert "cannot be used" in reply.text


# -- credentials


class Gate:
    """A server that knows all four mechanisms and keeps what it was told."""

    def __init__(self, offered: str, answer: str = "535 5.7.8 Authentication failed") -> None:
        self.offered = offered
        self.answer = answer
        self.lines: list[str] = []
        self.let_in = False
        self.over: Callable[[], Awaitable[None]]
        self._ask: Callable[[bytes], Awaitable[str]]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def ask(prompt: bytes) -> str:
            writer.write(prompt + b"\r\n")
            line = (await reader.readline()).decode().strip()
            self.lines.append(line)
            return line

        self._ask = ask
        line = await ask(b"220 ready")
        while line:
            verb, _, rest = line.partition(" ")
            if verb == "EHLO":
                line = await ask(f"250-hello\r\n250 {self.offered}".encode())
            elif verb == "AUTH":
                self.let_in = await self._judged(*rest.split(" "))
                refusal = self.answer.replace("%", " ".join(self.lines))
                line = await ask(b"235 2.7.0 welcome" if self.let_in else refusal.encode())
            else:
                line = await ask({"DATA": b"354 go", "QUIT": b"221 bye"}.get(verb, b"250 ok"))

    async def _judged(self, mechanism: str, first: str = "") -> bool:
        given = base64.b64decode(first)
        if mechanism == "PLAIN":
            return given == f"\0me\0{PASSWORD}".encode()
        if mechanism == "LOGIN":
            second = await self._ask(b"334 " + base64.b64encode(b"Password:"))
            return (given, base64.b64decode(second)) == (b"me", PASSWORD.encode())
        if mechanism == "CRAM-MD5":
            challenge = b"<1.2@mx.example>"
            said = await self._ask(b"334 " + base64.b64encode(challenge))
            digest = hmac.new(PASSWORD.encode(), challenge, hashlib.md5).hexdigest()
            return base64.b64decode(said) == f"me {digest}".encode()
        if given == f"user=me\x01auth=Bearer {PASSWORD}\x01\x01".encode():
            return True
        await self._ask(b"334 " + base64.b64encode(b'{"status":"401"}'))
        return False


Gates = Callable[..., Awaitable[tuple[int, Gate]]]


@pytest.fixture
async def gate() -> AsyncIterator[Gates]:
    """Start servers with a gate."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(*args: str) -> tuple[int, Gate]:
            one = Gate(*args)
            spoken = await stack.enter_async_context(speaking(one.serve))
            one.over = spoken.over
            return spoken.port, one

        yield start


async def logged_in(port: int, mechanism: str = "auto", **more: Any) -> None:
    auth = Auth(mechanism=mechanism, user="me", secret=SECRET)
    connection = Connection("127.0.0.1", port, "gmail", 5.0, Delivery(auth=auth, **more))
    await connection.connect()
    await connection.quit()


@pytest.mark.parametrize("mechanism", ["plain", "login", "cram-md5", "xoauth2"])
async def test_each_mechanism_lets_us_in(
    gate: Gates, monkeypatch: pytest.MonkeyPatch, mechanism: str
) -> None:
    """RFC 4616, LOGIN, RFC 2195 and XOAUTH2, with the password from the environment."""
    monkeypatch.setenv(VARIABLE, PASSWORD)
    port, server = await gate("AUTH PLAIN LOGIN CRAM-MD5 XOAUTH2")
    await logged_in(port, mechanism)
    await server.over()
    assert server.let_in
    assert server.lines[1].startswith(f"AUTH {mechanism.upper()}")
    assert server.lines[-2:] == ["QUIT", ""]


@pytest.mark.parametrize(
    ("offered", "used"),
    [("PLAIN LOGIN CRAM-MD5", "CRAM-MD5"), ("LOGIN PLAIN", "PLAIN"), ("XOAUTH2 LOGIN", "LOGIN")],
)
async def test_the_best_that_is_offered_is_used(
    gate: Gates, monkeypatch: pytest.MonkeyPatch, offered: str, used: str
) -> None:
    """`auto`: CRAM-MD5, else PLAIN, else LOGIN."""
    monkeypatch.setenv(VARIABLE, PASSWORD)
    port, server = await gate(f"AUTH {offered}")
    await logged_in(port)
    assert server.lines[1].split()[1] == used
    assert server.let_in


@pytest.mark.parametrize("mechanism", ["plain", "login", "cram-md5", "xoauth2"])
@pytest.mark.parametrize("answer", ["535 5.7.8 Authentication failed", "535 5.7.8 you said %"])
async def test_a_wrong_password_is_the_servers_reply_and_shows_nothing(
    gate: Gates,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    mechanism: str,
    answer: str,
) -> None:
    """Even where the server repeats what it was told, no form of the password is told on."""
    wrong = "wr0ng-h0rse"
    monkeypatch.setenv(VARIABLE, wrong)
    caplog.set_level(logging.DEBUG)
    asyncio.get_running_loop().set_debug(True)
    port, server = await gate("AUTH PLAIN LOGIN CRAM-MD5 XOAUTH2", answer)
    with pytest.raises(NotTriedError) as caught:
        await logged_in(port, mechanism)
    reply = caught.value.reply
    assert (reply.code, reply.status, reply.phase) == (535, "5.7.8", "ehlo")
    assert not server.let_in
    told = f"{reply!r} {caught.value!r} {caplog.text} {caught.value.__cause__!r}"
    forms = [wrong, base64.b64encode(wrong.encode()).decode()]
    forms += [line.split()[-1] for line in server.lines if "AUTH PLAIN" in line or "XOAUTH" in line]
    assert not [form for form in forms if len(form) > 6 and form in told]


@pytest.mark.parametrize(
    ("offered", "mechanism", "words"),
    [
        ("SIZE", "auto", "does not offer AUTH"),
        ("AUTH LOGIN", "plain", "does not offer AUTH PLAIN, but LOGIN"),
        ("AUTH GSSAPI", "auto", "does not offer AUTH AUTO, but GSSAPI"),
    ],
)
async def test_what_is_not_offered_is_not_tried(
    gate: Gates, monkeypatch: pytest.MonkeyPatch, offered: str, mechanism: str, words: str
) -> None:
    """A synthetic reply says what the server has instead; no credentials left."""
    monkeypatch.setenv(VARIABLE, PASSWORD)
    port, server = await gate(offered)
    with pytest.raises(NotTriedError) as caught:
        await logged_in(port, mechanism)
    assert caught.value.reply.code == 0
    assert words in caught.value.reply.text
    assert not any("AUTH" in line for line in server.lines)


async def test_a_password_that_is_missing_fails_the_connection_only(
    gate: Gates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found late, at each connection: what is not set any more is named, and the run goes on."""
    monkeypatch.delenv(VARIABLE, raising=False)
    port, server = await gate("AUTH PLAIN")
    with pytest.raises(NotTriedError, match=f"environment variable {VARIABLE} is not set"):
        await logged_in(port)
    monkeypatch.setenv(VARIABLE, PASSWORD)
    await logged_in(port)
    assert server.let_in


async def test_a_password_is_not_sent_in_clear_text_to_another_machine(
    gate: Gates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without TLS only CRAM-MD5 goes to a host that is not this one; `starttls` may be stripped."""
    monkeypatch.setenv(VARIABLE, PASSWORD)
    monkeypatch.setattr("mstoolkit.live.opening.loopback", lambda host: False)
    for offered, mechanism in [("PLAIN LOGIN", "auto"), ("PLAIN", "plain"), ("XOAUTH2", "xoauth2")]:
        port, server = await gate(f"AUTH {offered}")
        with pytest.raises(NotTriedError, match="not sent over a connection that is not encrypted"):
            await logged_in(port, mechanism, tls="starttls")
        await server.over()
        assert server.lines[1:] == [""]
    port, server = await gate("AUTH PLAIN CRAM-MD5")
    await logged_in(port)
    assert server.let_in


async def test_password_over_starttls(
    started: Start, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Aiosmtpd takes AUTH only when encrypted, and mail only from who is known."""
    monkeypatch.setenv(VARIABLE, PASSWORD)
    options = {"authenticator": check, "auth_required": True, "auth_require_tls": True}
    port, box = await started(starttls=authority.server("localhost"), **options)
    auth = Auth(user="me", secret=SECRET)
    secure = {"tls": "required", "ca_file": authority.file}
    assert (await sent(port, auth=auth, **secure)).positive
    assert box.encrypted == [True]
    assert (await sent(port, **secure)).code == 530
    monkeypatch.setenv(VARIABLE, "wrong")
    assert (await failed(port, auth=auth, **secure)).code == 535


def test_a_secret_does_not_show_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not printed, not formatted, not pickled, not kept by a configuration value."""
    import pickle

    monkeypatch.setenv(VARIABLE, PASSWORD)
    secret = find_secret(SECRET)
    assert secret.reveal() == PASSWORD
    assert PASSWORD not in f"{secret} {secret!r} {[secret]} {vars(Secret)}"
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    server = Server(delivery=Delivery(auth=Auth(user="me", secret=SECRET)))
    assert PASSWORD not in f"{server!r} {server.model_dump_json()}"
    assert SECRET in server.model_dump_json()


def test_a_secret_comes_from_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    """`keyring:service/user`; an entry that is missing or a keyring that is locked is named."""
    keyring = pytest.importorskip("keyring")
    from keyring.errors import KeyringLocked

    entries = {("smtp.example", "me@a.example"): PASSWORD}
    monkeypatch.setattr(keyring, "get_password", lambda service, user: entries.get((service, user)))
    assert find_secret("keyring:smtp.example/me@a.example").reveal() == PASSWORD
    with pytest.raises(ConfigError, match=r"keyring's entry smtp\.example/you is not set"):
        find_secret("keyring:smtp.example/you")

    def locked(service: str, user: str) -> str:
        raise KeyringLocked(PASSWORD)

    monkeypatch.setattr(keyring, "get_password", locked)
    with pytest.raises(ConfigError, match="cannot be opened") as caught:
        find_secret("keyring:smtp.example/me")
    assert PASSWORD not in str(caught.value)


# -- the rest of opening


async def test_name_and_source_address_are_the_servers_own(started: Start) -> None:
    """EHLO says `helo`, and the connection comes from `source_address`."""
    seen: list[Any] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(writer.get_extra_info("peername")[0])
        writer.write(b"220 ready\r\n")
        seen.append(await reader.readline())
        writer.write(b"250 hello\r\n")
        await reader.readline()
        writer.write(b"221 bye\r\n")

    async with speaking(talk) as spoken:
        delivery = Delivery(helo="mta-7.news.example", source_address="127.0.0.7")
        connection = Connection("127.0.0.1", spoken.port, "gmail", 5.0, delivery)
        await connection.connect()
        await connection.quit()
    assert seen == ["127.0.0.7", b"EHLO mta-7.news.example\r\n"]


async def test_an_address_that_is_not_ours_is_nobody_elses_fault(started: Start) -> None:
    """One clear sentence, for that server only."""
    port, _ = await started()
    reply = await failed(port, "127.0.0.1", source_address="192.0.2.77")
    assert reply == Reply(0, "", "this machine has no address 192.0.2.77", "connect")


async def test_an_unknown_host_is_named() -> None:
    """A name that nobody knows (RFC 6761) is not a refused connection."""
    reply = await failed(25, "nobody.invalid")
    assert reply == Reply(0, "", "there is no host 'nobody.invalid'", "connect")


@pytest.mark.parametrize("phase", ["connect", "ehlo"])
async def test_each_phase_has_its_own_time(phase: str) -> None:
    """A server that is silent in a phase is given up when that phase's time is over."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if phase != "connect":
            writer.write(b"220 ready\r\n")
        await reader.read()

    async with speaking(talk) as spoken:
        reply = await failed(spoken.port, "127.0.0.1", timeouts={phase: 0.1})
        assert reply == Reply(0, "", "connection timed out", "connect")
