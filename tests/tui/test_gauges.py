import pytest

from deskwire.tui.gauges import bar, level, sparkline
from deskwire.tui.spans import text_of


@pytest.mark.parametrize(
    ("part", "shown"),
    [(0.0, "    "), (0.25, "█   "), (0.5 + 1 / 32, "██▏ "), (1.0, "████"), (1.7, "████")],
)
def test_a_bar_is_filled_to_an_eighth_of_a_cell(part: float, shown: str) -> None:
    assert bar(part, 4).text == shown


@pytest.mark.parametrize(("part", "shown"), [(0, "────"), (0.64, "━━╸─"), (1.3, "━━━━")])
def test_a_level_is_heavy_to_half_a_cell(part: float, shown: str) -> None:
    assert text_of(level(part, 4)) == shown


def test_a_sparkline_ends_with_the_newest() -> None:
    assert sparkline((0, 50, 100), 5, 0, 100).text == "  ▁▅█"
    assert sparkline((0, 50, 100), 2, 0, 100).text == "▅█"
    assert sparkline((7, 7), 2, 7, 7).text == "▁▁"
