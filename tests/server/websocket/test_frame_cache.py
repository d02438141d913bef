import json
from typing import Any

from deskwire.core.publisher import Update
from deskwire.model.readings import Cpu, Player, PlayerId, Position, Volume
from deskwire.model.units import Percent, Seconds
from deskwire.server.websocket.frame_cache import TOPICS, FrameCache

NOW = Seconds(1000)


def update(revision: int, **readings: object) -> Update:
    return Update(readings, frozenset(readings), revision)


def stats(frame: bytes) -> Any:
    start = {126: 4, 127: 10}.get(frame[1], 2)
    return json.loads(json.loads(frame[start:])["args"][0])


def test_frame_carries_the_readings_as_stats() -> None:
    readings = update(1, cpu=Cpu(Percent(1)), volume=Volume(Percent(50)), players=(), battery=None)

    assert stats(FrameCache().frame(readings, NOW)) == {
        "cpu_absolute": 1.0,
        "audio": [],
        "volume": 50,
    }


def test_frame_of_a_desk_without_devices_is_an_empty_list_of_players() -> None:
    assert stats(FrameCache().frame(update(0), NOW)) == {"audio": []}


def test_frame_is_encoded_once_for_a_revision() -> None:
    cache, readings = FrameCache(), update(1, volume=Volume(Percent(50)))

    first, second = cache.frame(readings, NOW), cache.frame(readings, Seconds(NOW + 0.09))

    assert first is second


def test_new_revision_is_encoded_at_once() -> None:
    cache = FrameCache()
    cache.frame(update(1, volume=Volume(Percent(50))), NOW)

    assert stats(cache.frame(update(2, volume=Volume(Percent(60))), NOW))["volume"] == 60


def test_old_frame_is_encoded_again_with_the_present_position() -> None:
    moving = Position(at=Seconds(10), read=NOW, rate=1.0)
    mpv = Player(id=PlayerId("player1"), name="mpv", playing=True, title="One", position=moving)
    cache, readings = FrameCache(), update(1, players=(mpv,))

    frames = [cache.frame(readings, NOW), cache.frame(readings, Seconds(NOW + 5))]

    assert [stats(frame)["audio"][0]["timestamp"] for frame in frames] == [10, 15]


def test_topics_are_the_ten_of_the_base_protocol() -> None:
    assert len(TOPICS) == 10
