import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.tui.spans import Span, cells, fill, fit, safe, text_of


@pytest.mark.parametrize(
    ("given_", "shown"),
    [
        ("\x1b]0;owned\x07", "�]0;owned�"),
        ("two\nlines\there", "two lines here"),
        ("\u202eevil\u200f", "evil"),
        ("a" + "\u0301" * 9, "a" + "\u0301" * 2),
        ("\u2764\ufe0f", "\u2764"),
        ("\ud800", "�"),
        ("日本", "日本"),
    ],
)
def test_a_strangers_text_only_prints(given_: str, shown: str) -> None:
    assert safe(given_) == shown


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("The Reason", 12, "The Reason  "),
        ("The Reason", 6, "The R…"),
        ("日本語", 4, "日… "),
        ("x", 0, ""),
    ],
)
def test_text_takes_the_cells_it_is_given(text: str, width: int, shown: str) -> None:
    assert fit(text, width) == shown


@given(st.text(max_size=60), st.integers(0, 60))
def test_a_line_is_as_wide_as_it_is_told(text: str, width: int) -> None:
    line = fill((Span("12"), Span(safe(text)), Span("3")), width)

    assert cells(text_of(line)) == width
