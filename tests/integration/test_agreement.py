"""What is refused before the first message: clocks that differ, ports in use, foreign hosts."""

from __future__ import annotations

import asyncio
import json
import smtplib
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mstoolkit.config import ConfigError, Scenario
from mstoolkit.live import run_send, send
from mstoolkit.sinks import Sinks, listing, serve

Through = Callable[..., Any]


async def refused(scenario: Scenario, sinks: Sinks, tmp_path: Path, **options: Any) -> ConfigError:
    """Send and return the error; nothing may have been written or accepted."""
    out = tmp_path / "refused"
    options.setdefault("time_scale", 60.0)
    with pytest.raises(ConfigError) as caught:
        await send(scenario, "round-robin", out=out, sinks=sinks, limit=5, **options)
    assert not out.exists()
    return caught.value


async def test_another_time_scale_is_refused(bench: Scenario, tmp_path: Path) -> None:
    """Sinks at 60, sender at 30: both are named, and nothing is sent."""
    async with Sinks(bench, time_scale=60.0, any_port=True) as sinks:
        error = await refused(bench, sinks, tmp_path, time_scale=30.0)
        assert "time scale here is 60, not 30" in str(error)
        assert error.key == "servers.one"
        assert error.remedy
        assert not sinks.counts()


async def test_another_scenario_is_refused(bench: Scenario, tmp_path: Path) -> None:
    """Sinks that serve another audience would answer nonsense."""
    other = bench.model_copy(update={"sending_domain": "other.example"})
    async with Sinks(other, time_scale=60.0, any_port=True) as sinks:
        assert "another scenario" in str(await refused(bench, sinks, tmp_path))


async def test_sinks_serve_one_run(bench: Scenario, tmp_path: Path) -> None:
    """A second sender comes with another epoch and is told to restart the sinks."""
    async with Sinks(bench, time_scale=60.0, any_port=True) as sinks:
        await send(bench, "round-robin", out=tmp_path / "a", sinks=sinks, limit=5, time_scale=60.0)
        error = await refused(bench, sinks, tmp_path)
        assert "armed already" in str(error)
        assert "restart the sinks" in error.remedy


async def test_a_refused_folder_does_not_arm_the_sinks(bench: Scenario, tmp_path: Path) -> None:
    """Whoever mistypes the folder can try again with the same sinks."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "manifest.json").write_text("{}", encoding="utf-8")
    async with Sinks(bench, time_scale=60.0, any_port=True) as sinks:
        with pytest.raises(ConfigError, match="another run"):
            await send(bench, "round-robin", out=tmp_path / "full", sinks=sinks, time_scale=60.0)
        await send(bench, "round-robin", out=tmp_path / "a", sinks=sinks, limit=5, time_scale=60.0)


async def test_servers_without_a_clock_only_run_in_real_time(
    bench: Scenario, tmp_path: Path
) -> None:
    """A server that does not know XCLOCK is refused at any scale but 1; so is one that is away."""

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 plain\r\n")
        while line := await reader.readline():
            writer.write(b"221 bye\r\n" if line.startswith(b"QUIT") else b"250 plain\r\n")
        writer.close()

    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with Sinks(bench, time_scale=60.0, any_port=True) as sinks:
        error = await refused(bench, sinks, tmp_path, addresses={"two": ("127.0.0.1", port)})
        assert "does not know XCLOCK" in str(error)
        assert error.key == "servers.two"
        assert "--time-scale 1" in error.remedy
        server.close()
        await server.wait_closed()
        error = await refused(bench, sinks, tmp_path, addresses={"two": ("127.0.0.1", port)})
        assert "cannot be reached" in str(error)


async def test_mail_goes_nowhere_but_here_unless_named(bench: Scenario, tmp_path: Path) -> None:
    """A documentation address is refused before anything is opened."""
    async with Sinks(bench, time_scale=60.0, any_port=True) as sinks:
        error = await refused(bench, sinks, tmp_path, addresses={"one": ("192.0.2.1", 25)})
        assert "--allow-host 192.0.2.1" in error.remedy


@pytest.mark.parametrize(
    ("options", "key"),
    [({"time_scale": 0.0}, "time-scale"), ({"time_scale": 60.0, "limit": 0}, "limit")],
)
async def test_impossible_numbers_are_refused(
    bench: Scenario, tmp_path: Path, options: dict[str, Any], key: str
) -> None:
    """No time scale of 0, no limit below 1."""
    with pytest.raises(ConfigError) as caught:
        await send(bench, "round-robin", out=tmp_path / "x", **options)
    assert caught.value.key == key


async def test_an_unknown_strategy_is_refused(bench: Scenario, tmp_path: Path) -> None:
    """The error lists what there is."""
    with pytest.raises(ConfigError, match="known are round-robin"):
        await send(bench, "best", out=tmp_path / "x")


async def test_a_port_in_use_is_named(bench: Scenario) -> None:
    """The server's key, and none of the other ports stays open."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        sinks = Sinks(bench, ports={"three": port})
        with pytest.raises(ConfigError) as caught:
            await sinks.start()
    assert caught.value.key == "servers.three.port"
    assert f"port {port} is in use" in str(caught.value)
    assert caught.value.remedy
    for server in ("one", "two"):
        with pytest.raises(OSError):
            await asyncio.open_connection(*sinks.addresses[server])


async def test_sinks_serve_until_told_to_stop(bench: Scenario, tmp_path: Path) -> None:
    """The ready file names every address as JSON; after the stop nobody listens any more."""
    stop, seen = asyncio.Event(), []
    file = tmp_path / "ready.json"

    def ready(sinks: Sinks) -> None:
        seen.append(listing(sinks))
        stop.set()

    sinks = await serve(
        bench, time_scale=60.0, any_port=True, ready=ready, ready_file=file, stop=stop
    )
    told = json.loads(file.read_text(encoding="utf-8"))
    assert told == json.loads(seen[0])
    assert told["time_scale"] == 60.0
    host, port = told["servers"]["one"]
    assert (host, port) == sinks.addresses["one"]
    with pytest.raises(OSError):
        await asyncio.open_connection(host, port)


async def test_sinks_answer_any_sender_in_real_time(bench: Scenario) -> None:
    """The standard library's client, knowing nothing of us, meets the provider model."""
    async with Sinks(bench, any_port=True) as sinks:

        def by_hand() -> list[tuple[int, bytes]]:
            with smtplib.SMTP(*sinks.addresses["one"], timeout=5.0) as client:
                client.ehlo()
                said = [client.mail("a@news.example"), client.rcpt("nobody@gmail.com")]
                said += [client.rcpt("spring-7@googlemail.com"), client.rcpt("spring-8@gmail.com")]
                return [*said, client.docmd("XCLOCK", "now"), client.docmd("XPATH", "nowhere")]

        said = await asyncio.to_thread(by_hand)
    assert [code for code, _ in said] == [250, 550, 250, 452, 501, 501]
    assert b"5.1.1" in said[1][1]


def test_sending_from_code_that_is_not_async(bench: Scenario, tmp_path: Path) -> None:
    """`run_send` reaches sinks that run elsewhere, here in another thread's loop."""
    started: list[Any] = []

    async def elsewhere(ready: Callable[[], None]) -> None:
        stop = asyncio.Event()
        async with Sinks(bench, time_scale=120.0, any_port=True) as sinks:
            started.extend([sinks.addresses, asyncio.get_running_loop(), stop])
            ready()
            await stop.wait()

    ready = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(elsewhere(ready.set)))
    thread.start()
    ready.wait()
    try:
        run = run_send(
            bench,
            "round-robin",
            out=tmp_path / "run",
            time_scale=120.0,
            limit=40,
            addresses=started[0],
        )
    finally:
        started[1].call_soon_threadsafe(started[2].set)
        thread.join()
    assert run.totals["enqueued"] == 40
    assert run.manifest.observed_until == run.manifest.ended_at
