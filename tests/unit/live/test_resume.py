"""A run that is cut off anywhere is taken up with the same dispatcher and the same log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mstoolkit.config import ConfigError, Scenario, load_scenario
from mstoolkit.config.mailing import Mailing
from mstoolkit.eventlog import read_table
from mstoolkit.eventlog.decode import events
from mstoolkit.live.spool import Keeper, Spool, Taken, finals, keeper, take_up
from mstoolkit.model import (
    Closed,
    ConnectionFailed,
    Event,
    Feedback,
    Lost,
    Parcel,
    PoolChanged,
    Replied,
    Reply,
    Send,
    SplitMix64,
    Tick,
)
from mstoolkit.strategy import Dispatcher

BENCH = Path(__file__).parents[2] / "data" / "bench.toml"
STRATEGY = "smooth-weighted"
REPLIES = (
    Reply(250, "2.0.0", "ok", "data"),
    Reply(450, "4.2.1", "try later", "rcpt"),
    Reply(421, "4.7.0", "too fast", "data"),
    Reply(550, "5.1.1", "no such user", "rcpt"),
)


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load_scenario(BENCH)


def opened(folder: Path, scenario: Scenario) -> tuple[Spool, Taken]:
    """Begin the run, or take it up."""
    spool = Spool.at(folder)
    if not spool.begun:
        meta = {"identity": {}, "epoch": 0.0}
        spool.begin(meta, Mailing(scenario).arrivals(200))
    policy = scenario.strategies[STRATEGY]
    return spool, take_up(
        spool, folder, scenario, policy, run="r", strategy=STRATEGY, seed=3, epoch=0.0
    )


class World:
    """Answers what a dispatcher sends, as chance will have it, and keeps all."""

    def __init__(self, taken: Taken, seed: int) -> None:
        self.dispatcher: Dispatcher = taken.dispatcher
        self.keeper: Keeper = taken.keeper
        self.now = taken.at
        self.open = dict(taken.flying)
        self.waiting = list(taken.waiting)
        self._chance = SplitMix64(seed)
        for event in taken.first:
            self.tell(event)

    def tell(self, event: Event) -> None:
        event.at = self.now
        if isinstance(event, Replied | ConnectionFailed | Lost):
            del self.open[event.token]
        commands = self.dispatcher.handle(event)
        self.keeper.record(event, commands)
        self.open.update({each.token: each for each in commands if isinstance(each, Send)})

    async def steps(self, count: int) -> None:
        for _ in range(count):
            await self._step()

    async def _step(self) -> None:
        wake = self.dispatcher.next_wakeup()
        if self.waiting:
            self.tell(self.waiting.pop(0))
        elif self.open and self._chance.uniform() < 0.8:
            await self._answer(list(self.open.values())[self._chance.below(len(self.open))])
        elif wake is not None:
            self.now = max(self.now, wake)
            self.tell(Tick(self.now))

    async def _answer(self, send: Send) -> None:
        self.now += 0.25
        if self._chance.uniform() < 0.1:
            self.tell(ConnectionFailed(0.0, send.token, Reply(0, "", "refused", "connect")))
            return
        await self.keeper.on_wire(send)
        if self._chance.uniform() < 0.1:
            self.tell(Lost(0.0, send.token))
            return
        reply = REPLIES[min(self._chance.below(12), 3)]
        self.tell(Replied(0.0, send.token, ((reply, 1),), 0, 0.2, reply.code == 421))
        if reply.code == 250 and self._chance.uniform() < 0.3:
            news = Feedback(self.now + 50.0, "opened", send.server, send.parcel, self.now)
            self.keeper.observe(news, "person")


@pytest.fixture(params=[60, 100_000], ids=["many-snapshots", "none"])
def rows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many rows of the log come between two snapshots."""
    monkeypatch.setattr(keeper, "SNAPSHOT_ROWS", request.param)
    most: int = request.param
    return most


def cut(spool: Spool, taken: Taken) -> None:
    """End as a kill does."""
    taken.keeper.abandon()
    assert spool.failure is None


@pytest.mark.parametrize("steps", [0, 1, 30, 173, 400])
async def test_the_same_dispatcher_and_log(
    tmp_path: Path, scenario: Scenario, rows: int, steps: int
) -> None:
    """State and rows are the same to the byte, with as few events replayed as there may be."""
    spool, taken = opened(tmp_path / "run", scenario)
    world = World(taken, 5)
    await world.steps(steps)
    await spool.safe()
    state = world.dispatcher.snapshot()
    log = read_table(tmp_path / "run").to_pylist()
    cut(spool, taken)
    spool, again = opened(tmp_path / "run", scenario)
    assert again.dispatcher.snapshot() == state
    assert read_table(tmp_path / "run").to_pylist() == log
    assert dict(again.flying) == world.open
    assert [event.parcel for event in again.waiting] == [event.parcel for event in world.waiting]
    assert len(list(spool.events())) <= max(rows, steps if rows > 1_000 else 0)
    again.keeper.abandon()


async def test_rows_that_are_not_safe_are_taken_back(
    tmp_path: Path, scenario: Scenario, rows: int
) -> None:
    """What the journal, or a part, has beyond the spool did not happen."""
    spool, taken = opened(tmp_path / "run", scenario)
    world = World(taken, 6)
    await world.steps(200)
    await spool.safe()
    log = read_table(tmp_path / "run").to_pylist()
    for _ in range(80):  # the loop has no turn, so nothing is committed
        world.tell(Tick(world.now))
    assert read_table(tmp_path / "run").num_rows > len(log)
    taken.keeper.abandon()
    _, again = opened(tmp_path / "run", scenario)
    assert read_table(tmp_path / "run").to_pylist() == log
    again.keeper.abandon()


async def test_cut_again_and_again_each_message_ends_once(
    tmp_path: Path, scenario: Scenario, rows: int
) -> None:
    """Twelve cuts: the log replays as a whole, and ends and books agree."""
    for seed in range(12):
        spool, taken = opened(tmp_path / "run", scenario)
        world = World(taken, seed)
        await world.steps(60)
        await spool.safe()
        cut(spool, taken)
    spool, taken = opened(tmp_path / "run", scenario)
    world = World(taken, 99)
    while any(world.dispatcher.totals[where] for where in ("queued", "in_flight")):
        await world.steps(1)
    await spool.safe()
    totals = world.dispatcher.totals
    ends = list(finals(tmp_path / "run"))
    assert len(ends) == totals["enqueued"] == 200
    assert len({(end.list, end.position) for end in ends}) == 200
    for outcome in ("delivered", "bounced", "expired", "suppressed"):
        assert sum(end.outcome == outcome for end in ends) == totals[outcome]
    log = read_table(tmp_path / "run")
    again = Dispatcher(scenario.servers, scenario.strategies[STRATEGY], seed=3)
    for event in events(log):
        again.handle(event)
    assert again.snapshot() == world.dispatcher.snapshot()
    cut(spool, taken)


async def test_what_was_open_is_told_first(tmp_path: Path, scenario: Scenario) -> None:
    """Idle connections are closed, the untried costs no attempt, the rest is ambiguous."""
    spool, taken = opened(tmp_path / "run", scenario)
    world = World(taken, 1)
    await world.steps(40)
    sends = sorted(world.open.values(), key=lambda send: send.token)
    wired, untried, idle = sends[0], sends[1], sends[2]
    world.tell(PoolChanged(0.0, "three", "drained"))
    taken.keeper.stopping(scenario.servers)
    world.tell(PoolChanged(0.0, "two", "drained"))
    world.tell(Replied(0.0, idle.token, ((REPLIES[3], 1),), 0, 0.1))
    await taken.keeper.on_wire(wired)
    cut(spool, taken)
    spool, again = opened(tmp_path / "run", scenario)
    assert Lost(0.0, wired.token) in again.first
    assert Replied(0.0, untried.token, (), 1, 0.0, closed=True) in again.first
    assert isinstance(again.first[0], Closed | Replied | Lost)
    restored = [event.server for event in again.first if isinstance(event, PoolChanged)]
    assert restored == ["one", "two"]  # an operator took out the third
    World(again, 2)
    await spool.safe()
    assert again.keeper.stopped == ()
    assert [parcel.attempt for parcel in _queued(again, untried)] == [untried.parcel.attempt]
    cut(spool, again)


def _queued(taken: Taken, send: Send) -> list[Parcel]:
    """Return where a message is now: waiting, or on its way again."""
    state: Any = taken.dispatcher.snapshot()
    lots = {send.parcel.lot.id: send.parcel.lot}
    piles = [pile for route in state["pool"]["routes"] for _, _, pile in route["queue"]]
    parcels = [row[2]["parcel"] for row in state["flights"]] + piles
    return [
        Parcel(send.parcel.lot, *row[1:])
        for row in parcels
        if row[0] in lots and row[1] <= send.parcel.first < row[1] + row[2]
    ]


async def test_a_spool_of_another_strategy_is_told(tmp_path: Path, scenario: Scenario) -> None:
    """Events that this dispatcher cannot have been told are one sentence, not a trace."""
    spool, taken = opened(tmp_path / "run", scenario)
    world = World(taken, 1)
    await world.steps(3)
    spool.record(Lost(world.now, 10_000), [])
    await spool.safe()
    cut(spool, taken)
    with pytest.raises(ConfigError, match="another version decided otherwise") as caught:
        opened(tmp_path / "run", scenario)
    assert caught.value.remedy
