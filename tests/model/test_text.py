import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.model.text import printable


@given(st.text())
def test_printable_text_keeps_its_length(text: str) -> None:
    shown = printable(text)

    assert len(shown) == len(text)
    assert printable(shown) == shown
    assert not any(unicodedata.category(each) in {"Cc", "Cs", "Zl", "Zp"} for each in shown)
    assert all(each == " " for each in shown if unicodedata.category(each) == "Zs")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("夜に駆ける\u3000YOASOBI", "夜に駆ける YOASOBI"),
        ("Qui\u00a0?", "Qui ?"),
        ("Pourquoi\u202f!", "Pourquoi !"),
        *(
            (text, text)
            for text in (
                "\u0645\u06cc\u200c\u062e\u0648",
                "👨\u200d👩\u200d👧",
                "❤\ufe0f",
                "abc\u200e!",
            )
        ),
        *((text, text) for text in ("soft\u00adhyphen", "\ue0b0", "e\u0301", "a\ufeffb")),
        ("🏴\U000e0067\U000e007f", "🏴\U000e0067\U000e007f"),
    ],
)
def test_spaces_become_spaces_and_joiners_stay(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(
    "control",
    [*"\x00\x07\x1b\x7f\x9b\x85\n\r\t", *"\u202a\u202e\u2066\u2069\u2028\u2029", "\ud800"],
)
def test_everything_that_a_terminal_obeys_is_replaced(control: str) -> None:
    assert printable(f"a{control}b") == "a\ufffdb"


def test_control_characters_are_replaced() -> None:
    assert printable("\x1b[2Ja\nb\u202ec é") == "\ufffd[2Ja\ufffdb\ufffdc é"
