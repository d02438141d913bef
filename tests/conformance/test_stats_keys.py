import json
from typing import Any

import pytest

from deskwire.conformance.stats_keys import (
    invalid_player_values,
    invalid_values,
    nulls,
    unknown_keys,
)
from tests.protocol.example import CONTRACT_STATS


def contract() -> dict[str, Any]:
    stats: dict[str, Any] = json.loads(CONTRACT_STATS)
    return stats


def test_example_of_the_contract_is_valid() -> None:
    stats = contract()

    assert (
        unknown_keys(stats)
        == invalid_values(stats)
        == invalid_player_values(stats)
        == nulls(stats)
        == []
    )


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"cpu_absolute": 18.84}, ["cpu_absolute 18.84"]),
        ({"cpu_absolute": 101}, ["cpu_absolute 101"]),
        ({"cpu_absolute": True}, ["cpu_absolute True"]),
        ({"memory_bytes": -1}, ["memory_bytes -1"]),
        ({"uptime": 3.5}, ["uptime 3.5"]),
        ({"volume": 153}, []),
        ({"backlight": 101}, ["backlight 101"]),
        ({"wifi": {"ssid": 7, "connected": "yes"}}, ["wifi.ssid 7", "wifi.connected yes"]),
        ({"battery": None}, ["battery.percentage None", "battery.plugged_in None"]),
        ({"network": {"rx_bytes": 1}}, ["network.tx_bytes None"]),
    ],
)
def test_a_value_that_does_not_fit_is_named(change: dict[str, Any], found: list[str]) -> None:
    assert invalid_values({**contract(), **change}) == found


def test_a_player_that_does_not_fit_is_named() -> None:
    stats = contract()
    del stats["audio"][0]["title"]
    stats["audio"][1]["duration"] = 3215.5

    assert invalid_player_values(stats) == ["player1.title None", "player2.duration 3215.5"]


def test_unknown_keys_are_named() -> None:
    stats = contract()
    stats["load"] = 1
    stats["wifi"]["rssi"] = -50
    stats["audio"][0]["shuffle"] = False

    assert unknown_keys(stats) == ["load", "wifi.rssi", "audio.shuffle"]


def test_null_is_found_at_any_depth() -> None:
    stats = contract()
    stats["backlight"] = None
    stats["audio"][1]["album"] = None

    assert nulls(stats) == ["stats.audio.album", "stats.backlight"]
