"""Scenario file: the first state of a simulated desk, and its later changes.

The format is TOML with the keys of the protocol: `[stats]` is the content of a `stats` event, and
each `[[then]]` is a change at a given time. A player or a track may have `picture`, a file beside
the scenario, instead of `art_url`; an `art_url` alone gets a generated picture.
"""

import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from deskwire.art.picture import LARGEST, NotAPicture, make_art
from deskwire.model.problems import NotSupported, PlayerError, PlayerTimeout, Problem
from deskwire.model.readings import ArtKey
from deskwire.protocol.base.stats import art_url

SCENARIOS = ("example", "laptop", "players", "none")
"""Names of the included scenarios."""
CANNOT: Mapping[str, type[Problem]] = {
    problem.code: problem for problem in (NotSupported, PlayerTimeout, PlayerError)
}


class BadScenario(Exception):
    """The scenario is invalid; the message says where and why, in one line."""


class Drift(Struct, frozen=True, forbid_unknown_fields=True):
    """Change of a number over time: linear and periodic."""

    each_second: float = 0.0
    swing: float = 0.0
    """Amplitude of the periodic change."""
    every: Annotated[float, Meta(gt=0)] = 60.0
    """Period in seconds."""


class ScenarioStep(Struct, frozen=True, forbid_unknown_fields=True):
    """Changes at a given time."""

    at: Annotated[float, Meta(ge=0)]
    """Time in seconds since the first subscriber."""
    stats: dict[str, Any] = {}
    """Changed keys; a player replaces keys of the player with its id, or is added."""
    readings: dict[str, Any] = {}
    """Changed readings, each whole, of topics that `stats` does not have."""
    gone: tuple[str, ...] = ()
    """Keys, player ids and topics to remove."""


class Scenario(Struct, frozen=True, forbid_unknown_fields=True):
    """A whole scenario."""

    stats: dict[str, Any]
    about: str = ""
    readings: dict[str, Any] = {}
    """First readings of topics that `stats` does not have, as in docs/reference/topics.md."""
    then: tuple[ScenarioStep, ...] = ()
    tracks: dict[str, tuple[dict[str, Any], ...]] = {}
    """Further tracks by player id; a player without an entry has no next track."""
    cannot: dict[str, str] = {}
    """Error code by player id, for players that refuse every command."""
    moves: dict[str, Drift] = {}
    """Drift by key of the number."""


class Pictures(dict[ArtKey, bytes]):
    """Contents of a scenario's picture files by path."""


def load(name: str) -> tuple[Scenario, Pictures]:
    """Load a scenario by name or file, with its pictures; blocks. Raises `BadScenario`."""
    if name in SCENARIOS:
        text = (resources.files(__package__) / "scenarios" / f"{name}.toml").read_text("utf-8")
        return parse(text, name), Pictures()
    try:
        scenario = parse(Path(name).read_text(encoding="utf-8"), name)
    except FileNotFoundError:
        words = ", ".join(SCENARIOS)
        raise BadScenario(f"{name}: expected one of {words}, or a file") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise BadScenario(f"{name}: {problem}") from None
    return scenario, load_pictures(scenario, Path(name).absolute().parent)


def parse(text: str, name: str = "scenario") -> Scenario:
    """Parse a scenario; raises `BadScenario`, whose message starts with `name`."""
    try:
        scenario = msgspec.convert(tomllib.loads(text), Scenario)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as problem:
        raise BadScenario(f"{name}: {problem}") from None
    for player, code in scenario.cannot.items():
        if code not in CANNOT:
            words = ", ".join(CANNOT)
            raise BadScenario(f"{name}: cannot.{player}: expected one of {words}, found {code!r}")
    return scenario


def load_pictures(scenario: Scenario, folder: Path) -> Pictures:
    """Read a scenario's pictures from `folder` and set their `art_url`."""
    pictures = Pictures()
    for track in tracks_of(scenario):
        if isinstance(file := track.pop("picture", None), str):
            key = ArtKey(str(folder / file))
            pictures[key] = read_picture(folder / file)
            track["art_url"] = art_url(key)
    return pictures


def tracks_of(scenario: Scenario) -> Iterator[dict[str, Any]]:
    """Yield every table that may name a picture."""
    for stats in (scenario.stats, *(then.stats for then in scenario.then)):
        audio = stats.get("audio", [])
        if isinstance(audio, list):
            yield from (player for player in audio if isinstance(player, dict))
    for tracks in scenario.tracks.values():
        yield from tracks


def read_picture(path: Path) -> bytes:
    """Read a picture file; raises `BadScenario`."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        make_art(content)
    except OSError as problem:
        raise BadScenario(f"{path}: {(problem.strerror or 'error').lower()}") from None
    except NotAPicture as problem:
        raise BadScenario(f"{path}: {problem}") from None
    return content
