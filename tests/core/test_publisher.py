import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from deskwire.core.publisher import Publisher, Store, Subscription, Update
from deskwire.devices.ticker import Pace, Ticker
from deskwire.model.readings import Cpu, Memory, Player, PlayerId, Volume, Wifi
from deskwire.model.topics import Demand, Topic
from deskwire.model.units import Bytes, Percent, Seconds
from tests.support.virtual_time import VirtualTimeLoop
from tests.support.waiting import until_async

pytestmark = pytest.mark.virtual_time

TOPICS = {
    "cpu": Topic("cpu", Cpu, periodic=True),
    "memory": Topic("memory", Memory, periodic=True),
    "volume": Topic("volume", Volume),
    "players": Topic("players", tuple[Player, ...]),
}
DEVICES = ("cpu", "volume")
WATCHED = {"cpu": Demand.LIVE, "volume": Demand.LIVE}
MPV = Player(id=PlayerId("player1"), name="mpv", playing=True, title="One")


class Subscriber:
    """A subscriber that keeps its updates and the times of them."""

    def __init__(self) -> None:
        self.updates: list[tuple[float, Update]] = []

    def __call__(self, update: Update) -> None:
        self.updates.append((asyncio.get_running_loop().time(), update))

    @property
    def readings(self) -> list[Mapping[str, Any]]:
        return [update.readings for _, update in self.updates]


def publisher(interval: float = 60.0, devices: tuple[str, ...] = DEVICES) -> Publisher:
    return Publisher(interval=Seconds(interval), topics=[TOPICS[name] for name in devices])


def live(desk: Publisher, deliver: Callable[[Update], None]) -> Subscription:
    return desk.subscribe(TOPICS, Demand.LIVE, deliver)


def volume(level: float) -> Volume:
    return Volume(Percent(level))


def cpu(busy: float) -> Cpu:
    return Cpu(Percent(busy))


async def test_first_update_is_complete() -> None:
    desk, subscriber = publisher(), Subscriber()
    subscription = live(desk, subscriber)

    desk.put("cpu", cpu(1))
    before = list(subscriber.updates)
    desk.put("volume", volume(50))

    assert before == []
    assert subscriber.readings == [{"cpu": cpu(1), "volume": volume(50)}]
    subscription.close()


async def test_device_without_a_reading_is_awaited_for_270_ms() -> None:
    desk, subscriber = publisher(), Subscriber()
    started = asyncio.get_running_loop().time()
    subscription = live(desk, subscriber)
    desk.put("cpu", cpu(1))

    await until_async(lambda: subscriber.updates, within=2.0)

    assert subscriber.readings == [{"cpu": cpu(1), "volume": None}]
    assert 0.25 < subscriber.updates[0][0] - started < 0.3
    subscription.close()


async def test_absent_hardware_counts_as_read() -> None:
    desk, subscriber = publisher(), Subscriber()
    subscription = live(desk, subscriber)

    desk.put("cpu", cpu(1))
    desk.put("volume", None)

    assert subscriber.readings == [{"cpu": cpu(1), "volume": None}]
    subscription.close()


async def test_absent_players_are_an_empty_list() -> None:
    desk, subscriber = publisher(devices=("players",)), Subscriber()
    subscription = live(desk, subscriber)

    desk.put("players", None)

    assert subscriber.readings == [{"players": ()}]
    subscription.close()


def started(desk: Publisher, subscriber: Subscriber) -> Subscription:
    subscription = live(desk, subscriber)
    desk.put("cpu", cpu(1))
    desk.put("volume", volume(50))
    subscriber.updates.clear()
    return subscription


async def test_change_is_published_at_once_and_a_burst_as_one_more_update() -> None:
    desk, subscriber = publisher(), Subscriber()
    subscription = started(desk, subscriber)

    desk.put("volume", volume(60))
    await asyncio.sleep(0)
    at_once = [readings["volume"] for readings in subscriber.readings]
    for level in range(61, 80):
        desk.put("volume", volume(level))
    await until_async(lambda: len(subscriber.updates) >= 2)

    assert at_once == [volume(60)]
    assert [readings["volume"] for readings in subscriber.readings] == [volume(60), volume(79)]
    assert 0.049 <= subscriber.updates[1][0] - subscriber.updates[0][0] < 0.1
    subscription.close()


async def test_update_names_the_changed_topics() -> None:
    desk, subscriber = publisher(devices=("cpu", "memory", "volume")), Subscriber()
    subscription = live(desk, subscriber)
    for name in ("cpu", "memory", "volume"):
        desk.put(name, None)
    desk.put("memory", Memory(Bytes(1)))
    desk.put("volume", volume(60))
    await until_async(lambda: len(subscriber.updates) == 2)

    first, second = [update for _, update in subscriber.updates]

    assert first.changed == {"cpu", "memory", "volume"}
    assert second.changed == {"memory", "volume"}
    assert second.revision > first.revision
    subscription.close()


async def test_equal_reading_is_not_published() -> None:
    desk, subscriber = publisher(), Subscriber()
    subscription = started(desk, subscriber)

    desk.put("volume", volume(50))
    await asyncio.sleep(0.02)

    assert subscriber.updates == []
    subscription.close()


async def test_periodic_reading_waits_for_the_interval() -> None:
    desk, subscriber = publisher(interval=0.2), Subscriber()
    subscription = started(desk, subscriber)

    desk.put("cpu", cpu(2))
    await asyncio.sleep(0)
    at_once = list(subscriber.updates)
    await until_async(lambda: subscriber.updates, within=2.0)

    assert at_once == []
    assert subscriber.readings[0]["cpu"] == cpu(2)
    assert subscriber.updates[0][0] % 0.2 < 0.1
    subscription.close()


@pytest.mark.parametrize("late", [0.0, 0.000005, 0.03], ids=["not", "a little", "much"])
async def test_reading_of_an_instant_is_in_the_update_of_that_instant(late: float) -> None:
    desk, subscriber, pace = publisher(interval=0.1), Subscriber(), Pace(Ticker())
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    read: list[float] = []

    async def poll() -> None:
        while True:
            await pace.tick(Seconds(0.1))
            read.append(loop.time() // 0.1 % 100)
            desk.put("cpu", cpu(read[-1]))

    def be_busy() -> None:
        loop.call_at((loop.time() // 0.1 + 2) * 0.1 - 0.001, be_busy)
        loop.stall(0.001 + late)

    subscription = started(desk, subscriber)
    polling = asyncio.create_task(poll())
    loop.call_at((loop.time() // 0.1 + 2) * 0.1 - 0.001, be_busy)
    await until_async(lambda: len(subscriber.updates) >= 5)

    assert [readings["cpu"].busy for readings in subscriber.readings] == read
    assert len(set(read)) == len(read)
    polling.cancel()
    subscription.close()


async def test_update_follows_each_interval_without_a_change() -> None:
    desk, subscriber = publisher(interval=0.1), Subscriber()
    subscription = started(desk, subscriber)

    await until_async(lambda: len(subscriber.updates) >= 4)

    instants = {round(at / 0.1) for at, _ in subscriber.updates}
    assert len(instants) == len(subscriber.updates)
    assert {update.changed for _, update in subscriber.updates} == {frozenset()}
    subscription.close()


async def test_current_update_is_available_once_the_first_is_complete() -> None:
    desk, subscriber = publisher(), Subscriber()
    subscription = live(desk, subscriber)
    gathering = subscription.current()
    desk.put("cpu", cpu(1))
    desk.put("volume", volume(50))

    current = subscription.current()

    assert gathering is None
    assert current is not None
    assert current.readings["volume"] == volume(50)
    subscription.close()


async def test_late_subscriber_gets_the_present_readings_at_once() -> None:
    desk, first, second = publisher(), Subscriber(), Subscriber()
    subscriptions = [started(desk, first)]

    subscriptions.append(live(desk, second))

    assert second.readings == [{"cpu": cpu(1), "volume": volume(50)}]
    assert first.updates == []
    for each in subscriptions:
        each.close()


async def test_device_that_another_subscriber_awaited_in_vain_is_not_awaited_again() -> None:
    desk, first, second = publisher(), Subscriber(), Subscriber()
    subscriptions = [live(desk, first)]
    desk.put("cpu", cpu(1))
    await asyncio.sleep(0.5)

    subscriptions.append(live(desk, second))

    assert second.readings == [{"cpu": cpu(1), "volume": None}]
    for each in subscriptions:
        each.close()


async def test_demand_is_announced_with_the_first_subscriber_and_after_the_last() -> None:
    desk, first, second = publisher(), Subscriber(), Subscriber()
    demands: list[Mapping[str, Demand]] = []
    desk.on_demand = demands.append

    subscriptions = live(desk, first), live(desk, second)
    for each in subscriptions:
        each.close()

    assert demands == [WATCHED, {}]


async def test_demand_covers_the_subscribed_topics_only() -> None:
    desk, subscriber = publisher(), Subscriber()
    demands: list[Mapping[str, Demand]] = []
    desk.on_demand = demands.append

    background = desk.subscribe({"volume", "cpu"}, Demand.BACKGROUND, subscriber)
    foreground = desk.subscribe({"volume"}, Demand.LIVE, subscriber)
    background.close()
    foreground.close()

    assert demands == [
        {"volume": Demand.BACKGROUND, "cpu": Demand.BACKGROUND},
        {"volume": Demand.LIVE, "cpu": Demand.BACKGROUND},
        {"volume": Demand.LIVE},
        {},
    ]


async def test_update_has_the_subscribed_topics_only() -> None:
    desk, everything, loudness = publisher(), Subscriber(), Subscriber()
    subscriptions = [started(desk, everything), desk.subscribe({"volume"}, Demand.LIVE, loudness)]
    loudness.updates.clear()

    desk.put("volume", volume(60))
    await asyncio.sleep(0.1)
    desk.put("players", (MPV,))

    assert loudness.readings == [{"volume": volume(60)}]
    assert everything.readings == [{"cpu": cpu(1), "volume": volume(60)}]
    for each in subscriptions:
        each.close()


async def test_change_of_another_topic_is_not_published() -> None:
    desk, everything, processors = publisher(), Subscriber(), Subscriber()
    subscriptions = [started(desk, everything), desk.subscribe({"cpu"}, Demand.LIVE, processors)]
    processors.updates.clear()

    desk.put("volume", volume(60))
    await asyncio.sleep(0.1)

    assert len(everything.updates) == 1
    assert processors.updates == []
    for each in subscriptions:
        each.close()


async def test_unknown_topic_is_left_out() -> None:
    desk, subscriber = publisher(), Subscriber()

    subscription = desk.subscribe({"volume", "barometer"}, Demand.LIVE, subscriber)
    desk.put("volume", volume(50))

    assert subscriber.readings == [{"volume": volume(50)}]
    subscription.close()


async def test_background_subscriber_gets_one_update_in_10_s() -> None:
    desk, subscriber = publisher(interval=1.0), Subscriber()
    subscription = desk.subscribe(DEVICES, Demand.BACKGROUND, subscriber)
    desk.put("cpu", cpu(1))
    desk.put("volume", volume(0))
    at_once = list(subscriber.readings)

    for level in range(1, 30):
        await asyncio.sleep(1)
        desk.put("volume", volume(level))
        desk.put("cpu", cpu(level))
    await asyncio.sleep(10)

    assert at_once == [{"cpu": cpu(1), "volume": volume(0)}]
    windows = [at // 10 for at, _ in subscriber.updates]
    assert len(windows) == len(set(windows))
    assert len(windows) in {4, 5}
    assert subscriber.readings[-1] == {"cpu": cpu(29), "volume": volume(29)}
    subscription.close()


async def test_unchanged_desk_sets_no_timer_for_a_background_subscriber() -> None:
    desk, subscriber = publisher(interval=1.0), Subscriber()
    subscription = desk.subscribe(DEVICES, Demand.BACKGROUND, subscriber)
    for name in DEVICES:
        desk.put(name, None)

    timers = [desk._tick, desk._change, desk._background]
    await asyncio.sleep(60)

    assert timers == [None, None, None]
    assert len(subscriber.updates) == 1
    subscription.close()


async def test_background_subscriber_beside_a_live_one_keeps_its_pace() -> None:
    desk, slow, fast = publisher(interval=1.0), Subscriber(), Subscriber()
    background = desk.subscribe(DEVICES, Demand.BACKGROUND, slow)
    foreground = started(desk, fast)

    for busy in range(20):
        desk.put("cpu", cpu(busy))
        await asyncio.sleep(1)

    assert len(fast.updates) >= 19
    assert len(slow.updates) <= 4
    background.close()
    foreground.close()


async def test_closed_subscription_leaves_no_timer_and_no_reading() -> None:
    desk, subscriber = publisher(interval=0.05), Subscriber()
    subscription = started(desk, subscriber)
    desk.put("volume", volume(60))
    subscription.close()
    scheduled = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
    timers = [timer for timer in scheduled if not timer.cancelled()]

    desk.put("volume", volume(99))
    await asyncio.sleep(0.12)

    assert timers == []
    assert subscriber.updates == []
    again = live(desk, subscriber)
    desk.put("cpu", cpu(1))
    await until_async(lambda: subscriber.updates)
    assert subscriber.readings == [{"cpu": cpu(1), "volume": None}]
    again.close()


async def test_expected_subscriber_gets_the_first_update_at_once() -> None:
    desk, subscriber = publisher(), Subscriber()
    demands: list[Mapping[str, Demand]] = []
    desk.on_demand = demands.append
    desk.expect(TOPICS)
    desk.expect(TOPICS)
    desk.put("cpu", cpu(1))
    desk.put("volume", volume(50))
    desk.put("volume", volume(60))

    subscription = live(desk, subscriber)

    assert subscriber.readings == [{"cpu": cpu(1), "volume": volume(60)}]
    assert demands == [WATCHED]
    subscription.close()
    assert demands == [WATCHED, {}]


async def test_expected_subscriber_waits_for_a_device_not_read_yet() -> None:
    desk, subscriber = publisher(), Subscriber()
    desk.expect(TOPICS)
    desk.put("cpu", cpu(1))
    subscription = live(desk, subscriber)
    before = list(subscriber.updates)

    desk.put("volume", volume(50))

    assert before == []
    assert subscriber.readings == [{"cpu": cpu(1), "volume": volume(50)}]
    subscription.close()


async def test_reading_during_the_announcement_of_demand_is_taken() -> None:
    desk, subscriber = publisher(devices=("volume",)), Subscriber()
    desk.on_demand = lambda demand: desk.put("volume", volume(50)) if demand else None

    desk.expect(TOPICS)
    subscription = live(desk, subscriber)
    expected = list(subscriber.readings)
    subscription.close()
    subscription = live(desk, subscriber)

    assert expected == [{"volume": volume(50)}]
    assert subscriber.readings == expected * 2
    subscription.close()


async def test_desk_without_devices_publishes_empty_updates() -> None:
    desk, subscriber = publisher(devices=()), Subscriber()

    subscription = live(desk, subscriber)
    await until_async(lambda: subscriber.updates, within=2.0)

    assert subscriber.readings == [{}]
    subscription.close()


async def test_expectation_ends_if_the_subscriber_does_not_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("deskwire.core.publisher.EXPECTED_WITHIN", 0.02)
    desk, subscriber = publisher(), Subscriber()
    demands: list[Mapping[str, Demand]] = []
    desk.on_demand = demands.append

    desk.expect(TOPICS)
    desk.put("volume", volume(50))
    await until_async(lambda: demands == [WATCHED, {}])

    subscription = live(desk, subscriber)
    await until_async(lambda: subscriber.updates)
    assert subscriber.readings == [{"cpu": None, "volume": None}]
    subscription.close()


async def test_expectation_does_not_end_the_demand_of_a_subscriber() -> None:
    desk, subscriber = publisher(), Subscriber()
    demands: list[Mapping[str, Demand]] = []
    desk.on_demand = demands.append
    desk.expect(TOPICS)
    subscription = started(desk, subscriber)

    await asyncio.sleep(10)

    current = subscription.current()
    assert demands == [WATCHED]
    assert current is not None
    assert current.readings["volume"] == volume(50)
    subscription.close()


async def test_subscriber_to_other_topics_does_not_end_an_expectation() -> None:
    desk, subscriber = publisher(), Subscriber()
    demands: list[Mapping[str, Demand]] = []
    desk.on_demand = demands.append
    desk.expect(TOPICS)

    subscription = desk.subscribe({"cpu"}, Demand.LIVE, subscriber)
    await asyncio.sleep(1)
    expected = list(demands)
    await asyncio.sleep(3)

    assert expected == [WATCHED]
    assert demands == [WATCHED, {"cpu": Demand.LIVE}]
    subscription.close()


async def test_expectation_is_renewed_by_another_client() -> None:
    desk = publisher()
    demands: list[Mapping[str, Demand]] = []
    desk.on_demand = demands.append

    desk.expect(TOPICS)
    await asyncio.sleep(2)
    desk.expect(TOPICS)
    await asyncio.sleep(2)
    waiting = list(demands)
    await asyncio.sleep(2)

    assert waiting == [WATCHED]
    assert demands == [WATCHED, {}]


async def test_subscriber_that_closes_in_an_update_leaves_no_timer() -> None:
    desk, updates = publisher(interval=0.05, devices=("cpu",)), 0

    def once(_: Update) -> None:
        nonlocal updates
        updates += 1
        subscription.close()

    subscription = live(desk, once)
    desk.put("cpu", cpu(1))
    await asyncio.sleep(0.15)

    assert updates == 1
    assert desk._tick is None


async def test_subscriber_that_another_one_closes_gets_no_update() -> None:
    desk, second = publisher(interval=0.05), Subscriber()
    subscriptions: list[Subscription] = []

    def first(_: Update) -> None:
        if len(subscriptions) == 2:
            subscriptions.pop().close()

    subscriptions.append(live(desk, first))
    desk.put("cpu", cpu(1))
    desk.put("volume", volume(50))
    subscriptions.append(live(desk, second))
    await asyncio.sleep(0.2)

    assert len(second.updates) == 1
    subscriptions.pop().close()


async def test_subscriber_that_fails_in_an_update_does_not_stop_the_ticks() -> None:
    desk, subscriber = publisher(interval=0.05, devices=("cpu",)), Subscriber()
    loop, failures = asyncio.get_running_loop(), 0

    def fails(_: Update) -> None:
        nonlocal failures
        failures += 1
        raise ZeroDivisionError

    loop.set_exception_handler(lambda *_: None)
    subscriptions = live(desk, subscriber), live(desk, fails)
    await until_async(lambda: len(subscriber.updates) >= 3, within=2)

    assert failures >= 2
    for each in subscriptions:
        each.close()


# ---- store ---------------------------------------------------------------------------------------

STORED_TOPICS = [Topic("memory", Memory), Topic("wifi", Wifi), Topic("players", tuple[Player, ...])]
OFF = Wifi("", connected=False)


def test_put_tells_whether_the_reading_differs() -> None:
    store = Store(STORED_TOPICS)

    assert store.put("memory", Memory(Bytes(1)))
    assert store.put("wifi", OFF)
    assert not store.put("wifi", OFF)
    assert store.select(["memory", "wifi"]) == {"memory": Memory(Bytes(1)), "wifi": OFF}


def test_absent_hardware_has_the_empty_reading_of_its_topic() -> None:
    store = Store(STORED_TOPICS)

    assert not store.put("wifi", None)
    assert not store.put("players", None)
    assert store.select(["wifi", "players"]) == {"wifi": None, "players": ()}


def test_revision_counts_the_changes() -> None:
    store = Store(STORED_TOPICS)

    store.put("memory", Memory(Bytes(1)))
    store.put("memory", Memory(Bytes(1)))
    store.put("wifi", OFF)

    assert store.revision == 2


def test_cleared_topic_has_its_empty_reading() -> None:
    store = Store(STORED_TOPICS)
    store.put("wifi", OFF)

    store.clear(["wifi", "memory"])

    assert store.revision == 2
    assert store.select(["wifi"]) == {"wifi": None}


def test_selected_readings_do_not_change_afterwards() -> None:
    store = Store(STORED_TOPICS)
    before = store.select(["wifi"])

    store.put("wifi", OFF)

    assert before == {"wifi": None}


def test_undeclared_topic_raises_key_error() -> None:
    with pytest.raises(KeyError):
        Store(STORED_TOPICS).put("barometer", None)
