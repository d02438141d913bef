import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.tui.spans import (
    Span,
    bar,
    cells,
    fill,
    fit,
    level,
    single_line,
    sparkline,
    text_of,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;owned\x07", "�]0;owned�"),
        ("two\nlines\there", "two lines here"),
        ("\u202eevil\u200f", "evil"),
        ("a" + "\u0301" * 9, "a" + "\u0301" * 2),
        ("\u2764\ufe0f", "\u2764"),
        ("\ud800", "�"),
        ("日本", "日本"),
        ("a\x1cb", "a�b"),
    ],
)
def test_single_line_has_only_printable_characters(text: str, shown: str) -> None:
    assert single_line(text) == shown


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("The Reason", 12, "The Reason  "),
        ("The Reason", 6, "The R…"),
        ("日本語", 4, "日… "),
        ("x", 0, ""),
    ],
)
def test_fitted_text_takes_exactly_its_cells(text: str, width: int, shown: str) -> None:
    assert fit(text, width) == shown


@given(st.text(max_size=60), st.integers(0, 60))
def test_filled_line_has_the_text_width(text: str, width: int) -> None:
    line = fill((Span("12"), Span(single_line(text)), Span("3")), width)

    assert cells(text_of(line)) == width


@pytest.mark.parametrize(
    ("part", "shown"),
    [(0.0, "    "), (0.25, "█   "), (0.5 + 1 / 32, "██▏ "), (1.0, "████"), (1.7, "████")],
)
def test_bar_is_filled_to_an_eighth_of_a_cell(part: float, shown: str) -> None:
    assert bar(part, 4).text == shown


@pytest.mark.parametrize(("part", "shown"), [(0, "────"), (0.64, "━━╸─"), (1.3, "━━━━")])
def test_level_is_heavy_to_half_a_cell(part: float, shown: str) -> None:
    assert text_of(level(part, 4)) == shown


def test_sparkline_ends_with_the_newest_value() -> None:
    assert sparkline((0, 50, 100), 5, 0, 100).text == "  ▁▅█"
    assert sparkline((0, 50, 100), 2, 0, 100).text == "▅█"
    assert sparkline((7, 7), 2, 7, 7).text == "▁▁"
