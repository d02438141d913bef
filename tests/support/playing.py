"""Finding players in a reading, and what an art address names, as the contract has it."""

import base64
from typing import Any

Told = dict[str, Any]
"""One player, as the wire tells of it."""

ART = "/v1/img/tmp/"


def player_named(stats: dict[str, Any], title: str) -> Told:
    """Return the player whose track has this title, or an empty one."""
    found: Told = next((each for each in stats["audio"] if each["title"] == title), {})
    return found


def player_by_id(stats: dict[str, Any], player: str) -> Told:
    """Return the player with this id, or an empty one."""
    found: Told = next((each for each in stats["audio"] if each["id"] == player), {})
    return found


def art_path(art_url: str) -> str:
    """Return the path an art address names."""
    assert art_url.startswith(ART)
    return base64.urlsafe_b64decode(art_url.removeprefix(ART)).decode()


def art_address(path: str) -> str:
    """Return the art address of a path."""
    return ART + base64.urlsafe_b64encode(path.encode()).decode()
