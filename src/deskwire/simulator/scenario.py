"""A scene as it is written down: how the desk is at first, and what happens to it when.

TOML, in the words of the wire: `[stats]` is what a `stats` event carries, and each `[[then]]` says
what is different from a moment on. A player, or one of its further tracks, may say `picture`, a
file beside the scene, instead of `art_url`; an `art_url` alone is given a picture made up for it.
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
from deskwire.protocol.base.art_urls import art_url

SCENES = ("example", "laptop", "players", "none")
"""Those that come with deskwire."""
CANNOT: Mapping[str, type[Problem]] = {
    problem.code: problem for problem in (NotSupported, PlayerTimeout, PlayerError)
}


class BadScenario(Exception):
    """The scene cannot be played; the message says where and why, in one line."""


class Move(Struct, frozen=True, forbid_unknown_fields=True):
    """How a number moves by itself: steadily, and up and down."""

    each_second: float = 0.0
    swing: float = 0.0
    """How far it goes up, and down."""
    every: Annotated[float, Meta(gt=0)] = 60.0
    """Seconds from one height to the next."""


class Then(Struct, frozen=True, forbid_unknown_fields=True):
    """What is different from a moment on."""

    at: Annotated[float, Meta(ge=0)]
    """Seconds since somebody began to watch."""
    stats: dict[str, Any] = {}
    """Laid over what is there; a player over the one of its id, or as a new one."""
    gone: tuple[str, ...] = ()
    """Keys, and ids of players, that are there no longer."""


class Scenario(Struct, frozen=True, forbid_unknown_fields=True):
    """A whole scene."""

    stats: dict[str, Any]
    about: str = ""
    then: tuple[Then, ...] = ()
    tracks: dict[str, tuple[dict[str, Any], ...]] = {}
    """What a player has besides the track it begins with; without any it has no next one."""
    cannot: dict[str, str] = {}
    """Players that refuse every command, and with which code."""
    moves: dict[str, Move] = {}
    """By the number's key."""


class Pictures(dict[ArtKey, bytes]):
    """What is in the files that a scene names, by the path players name them by."""


def load(name: str) -> tuple[Scenario, Pictures]:
    """Return a scene by its name or file, and its pictures; blocks. Raises `BadScenario`."""
    if name in SCENES:
        text = (resources.files(__package__) / "scenarios" / f"{name}.toml").read_text("utf-8")
        return parse(text, name), Pictures()
    try:
        scenario = parse(Path(name).read_text(encoding="utf-8"), name)
    except FileNotFoundError:
        words = ", ".join(SCENES)
        raise BadScenario(f"{name}: expected one of {words}, or a file") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise BadScenario(f"{name}: {problem}") from None
    return scenario, hang(scenario, Path(name).absolute().parent)


def parse(text: str, name: str = "scenario") -> Scenario:
    """Read a scene; raises `BadScenario`, which begins with `name`."""
    try:
        scenario = msgspec.convert(tomllib.loads(text), Scenario)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as problem:
        raise BadScenario(f"{name}: {problem}") from None
    for player, code in scenario.cannot.items():
        if code not in CANNOT:
            words = ", ".join(CANNOT)
            raise BadScenario(f"{name}: cannot.{player}: expected one of {words}, found {code!r}")
    return scenario


def hang(scenario: Scenario, folder: Path) -> Pictures:
    """Read the pictures a scene names in `folder` and name them as a player does."""
    pictures = Pictures()
    for track in every_track(scenario):
        if isinstance(file := track.pop("picture", None), str):
            key = ArtKey(str(folder / file))
            pictures[key] = read_picture(folder / file)
            track["art_url"] = art_url(key)
    return pictures


def every_track(scenario: Scenario) -> Iterator[dict[str, Any]]:
    """Go through whatever may name a picture."""
    for stats in (scenario.stats, *(then.stats for then in scenario.then)):
        audio = stats.get("audio", [])
        if isinstance(audio, list):
            yield from (player for player in audio if isinstance(player, dict))
    for tracks in scenario.tracks.values():
        yield from tracks


def read_picture(path: Path) -> bytes:
    """Return a picture's bytes; raises `BadScenario`."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        make_art(content)
    except OSError as problem:
        raise BadScenario(f"{path}: {(problem.strerror or 'error').lower()}") from None
    except NotAPicture as problem:
        raise BadScenario(f"{path}: {problem}") from None
    return content
