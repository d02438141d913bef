import re
from pathlib import Path

import pytest

from deskwire.model.readings import ArtKey
from deskwire.model.units import Seconds
from deskwire.protocol.base.stats import encode_snapshot
from deskwire.simulator.covers import generated_cover
from deskwire.simulator.scenario import SCENARIOS, BadScenario, load, parse
from deskwire.simulator.simulation import Simulation, validate
from tests.protocol.example import CONTRACT_STATS

LEAST = "[stats]\naudio = []\n"
NOW = Seconds(1000)


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_included_scenario_runs_to_its_end(name: str) -> None:
    scenario, _ = load(name)

    validate(scenario, name)
    assert scenario.about


def test_documented_scenario_is_valid() -> None:
    page = (Path(__file__).parents[2] / "docs/howto/write-a-client.md").read_text("utf-8")
    (scenario,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)

    validate(parse(scenario, "documented"), "documented")


def test_the_example_is_the_contracts_to_the_byte() -> None:
    scenario, _ = load("example")

    first = encode_snapshot(Simulation(scenario, NOW).snapshot(NOW), NOW)

    assert first.decode() == CONTRACT_STATS


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "missing required field `stats`"),
        ("nonsense", "Expected '='"),
        (LEAST + "[more]", "unknown field `more`"),
        (LEAST + "[[then]]\nafter = 3", "unknown field `after`"),
        (LEAST + "[[then]]\nat = -1", "`float` >= 0"),
        (LEAST + '[cannot]\nplayer1 = "dance"', "expected one of not_supported, player_timeout"),
    ],
)
def test_scenario_error_is_one_line(text: str, why: str) -> None:
    with pytest.raises(BadScenario) as caught:
        parse(text, "mine.toml")

    said = str(caught.value)
    assert said.startswith("mine.toml: ")
    assert why in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[stats]\nvolum = 3", "mine: stats: volum: unknown key"),
        (
            "[stats]\nvolume = 3.5",
            "mine: stats: Expected `int`, got `float`",
        ),
        ("[stats]\naudio = [{ name = 'x' }]", "mine: stats: a player has no id"),
        ("[stats]\naudio = 3", "mine: stats: audio must be a list of players"),
        (LEAST + "[[then]]\nat = 4\ngone = ['wifi']", "mine: then, at 4: 'wifi' does not exist"),
        (LEAST + "[[then]]\nat = 4\nstats = { backlight = 'x' }", "mine: then, at 4: Expected"),
    ],
)
def test_invalid_scenario_is_refused_before_the_start(text: str, why: str) -> None:
    with pytest.raises(BadScenario) as caught:
        validate(parse(text, "mine"), "mine")

    assert str(caught.value).startswith(why)


def test_scenario_file_loads_its_pictures(tmp_path: Path) -> None:
    picture = generated_cover(ArtKey("any"))
    (tmp_path / "cover.png").write_bytes(picture)
    player = 'id = "player1", name = "mpv", playing = true, artist = "", title = "x"'
    file = tmp_path / "own.toml"
    file.write_text(f'[stats]\naudio = [{{ {player}, picture = "cover.png" }}]\n')

    scenario, pictures = load(str(file))

    (shown,) = Simulation(scenario, NOW).snapshot(NOW).players
    assert shown.art == str(tmp_path / "cover.png")
    assert pictures[shown.art] == picture


@pytest.mark.parametrize(("content", "why"), [(None, "no such file"), (b"<svg/>", "picture")])
def test_a_picture_that_is_none_is_said(tmp_path: Path, content: bytes | None, why: str) -> None:
    if content is not None:
        (tmp_path / "cover.png").write_bytes(content)
    scenario = tmp_path / "scene.toml"
    scenario.write_text('[stats]\naudio = []\n[[tracks.player1]]\npicture = "cover.png"\n')

    with pytest.raises(BadScenario, match=why):
        load(str(scenario))


def test_unknown_scenario_name_is_reported() -> None:
    with pytest.raises(BadScenario, match=r"^nowhere: expected one of example, .* or a file$"):
        load("nowhere")
