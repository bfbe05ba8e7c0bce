"""DKIM: what is signed verifies, with keys of both kinds, and what is changed does not."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mstoolkit.config import ConfigError
from mstoolkit.config.delivery import Delivery, Signature
from mstoolkit.live.connection import Connection
from mstoolkit.live.signing import Signer, signed

dkim = pytest.importorskip("dkim")
serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
asymmetric = pytest.importorskip("cryptography.hazmat.primitives.asymmetric")

LETTER = (
    b"From: News <news@news.example>\r\nTo: <you@b.example>\r\nSubject: Hello\r\n there\r\n"
    b"Date: Tue, 14 Nov 2023 22:13:20 +0000\r\nMessage-ID: <1@news.example>\r\n"
    b"List-Unsubscribe: <https://news.example/u/1>\r\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\n.a line\r\n\r\nanother \r\n\r\n"
)


class Keys:
    """Keys in files, and what the DNS would say of them."""

    def __init__(self, folder: Path) -> None:
        from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

        self._folder = folder
        self._rsa = rsa.generate_private_key(65537, 1024)  # small, since dkimpy is slow with more
        self._edwards = ed25519.Ed25519PrivateKey.generate()
        self._records: dict[bytes, bytes] = {}

    def signature(self, kind: str) -> Signature:
        key = self._rsa if kind.startswith("rsa") else self._edwards
        path = self._folder / f"{kind}.pem"
        path.write_bytes(self._written(key, kind))
        public = key.public_key()
        if kind.startswith("rsa"):
            spki = serialization.PublicFormat.SubjectPublicKeyInfo
            raw = public.public_bytes(serialization.Encoding.DER, spki)
        else:
            plain = serialization.PublicFormat.Raw
            raw = public.public_bytes(serialization.Encoding.Raw, plain)
        record = f"v=DKIM1; k={kind.partition('-')[0]}; p=".encode() + base64.b64encode(raw)
        self._records[f"{kind}._domainkey.news.example.".encode()] = record
        return Signature(domain="news.example", selector=kind, key_file=str(path))

    def _written(self, key: Any, kind: str) -> bytes:
        none = serialization.NoEncryption()
        if kind.endswith("seed"):
            plain = serialization.PrivateFormat.Raw
            raw: bytes = key.private_bytes(serialization.Encoding.Raw, plain, none)
            return base64.b64encode(raw) + b"\n"
        old = serialization.PrivateFormat.TraditionalOpenSSL
        form = old if kind.endswith("old") else serialization.PrivateFormat.PKCS8
        pem: bytes = key.private_bytes(serialization.Encoding.PEM, form, none)
        return pem

    def dns(self, name: bytes, timeout: int = 5) -> bytes | None:
        return self._records.get(name)

    def verified(self, message: bytes, which: int = 0) -> bool:
        try:
            return bool(dkim.DKIM(message).verify(which, self.dns))
        except dkim.ValidationError:
            return False


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys(tmp_path_factory.mktemp("keys"))


KINDS = ["rsa", "rsa-old", "ed25519", "ed25519-seed"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_signed_message_verifies(keys: Keys, kind: str) -> None:
    """RSA in both PEM forms, Ed25519 in PEM and as a seed; the message itself is untouched."""
    message = Signer(keys.signature(kind)).sign(LETTER)
    assert message.endswith(LETTER)
    assert keys.verified(message)


@pytest.mark.parametrize(
    "change",
    [
        lambda message: message.replace(b"Hello", b"Hallo"),
        lambda message: message.replace(b".a line", b".a lime"),
        lambda message: message.replace(b"/u/1>", b"/u/2>"),
        lambda message: message.replace(b"To: <you@", b"To: <yon@"),
        lambda message: message.replace(b"\r\nTo:", b"\r\nSubject: another\r\nTo:"),
        lambda message: message.replace(b"\r\nTo:", b"\r\nFrom: <evil@a.example>\r\nTo:"),
    ],
)
def test_what_is_changed_or_added_breaks_the_signature(
    keys: Keys, change: Callable[[bytes], bytes]
) -> None:
    """Body, headers, the way to unsubscribe, and a second From or Subject."""
    assert not keys.verified(change(Signer(keys.signature("ed25519")).sign(LETTER)))


def test_two_signatures_stand_beside_each_other(keys: Keys) -> None:
    """RSA for all, Ed25519 for who knows it; each verifies by itself."""
    message = signed(LETTER, (keys.signature("rsa"), keys.signature("ed25519")))
    assert message.count(b"DKIM-Signature:") == 2
    assert keys.verified(message, 0)
    assert keys.verified(message, 1)


async def test_a_signature_survives_the_wire(keys: Keys) -> None:
    """Dots are doubled and taken back; what the server has verifies."""
    taken: list[bytes] = []
    over = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        await reader.readline()
        writer.write(b"250-hello\r\n250 PIPELINING\r\n")
        await reader.readuntil(b"DATA\r\n")
        writer.write(b"250 a\r\n250 b\r\n354 c\r\n")
        taken.append(await reader.readuntil(b"\r\n.\r\n"))
        writer.write(b"250 2.0.0 ok\r\n")
        await reader.readline()
        writer.close()
        over.set()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()[:2]
        connection = Connection(host, port, "gmail", 5.0, Delivery())
        await connection.connect()
        letter = signed(LETTER, (keys.signature("rsa"),))
        assert (await connection.transact("me@a.example", "you@b.example", letter)).positive
        await connection.quit()
        await over.wait()
    assert keys.verified(taken[0].removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n."))


@pytest.mark.parametrize(
    "content",
    [b"", b"not a key", b"AAAA", base64.b64encode(b"x" * 31),
     b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
     b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n",
     b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"],
)  # fmt: skip
def test_what_is_no_key_is_told_at_once(tmp_path: Path, content: bytes) -> None:
    """File, key and remedy; nothing of the content."""
    path = tmp_path / "key.pem"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        Signer(Signature(domain="a.example", selector="s", key_file=str(path)))
    assert caught.value.file == str(path)
    assert caught.value.remedy
    assert not content or content.decode() not in str(caught.value)
