from hypothesis import given
from hypothesis import strategies as st

from deskwire.model.text import printable


@given(st.text())
def test_printable_text_keeps_its_length(text: str) -> None:
    assert printable(text).isprintable()
    assert len(printable(text)) == len(text)


def test_control_characters_are_replaced() -> None:
    assert printable("\x1b[2Ja\nb\u202ec é") == "\ufffd[2Ja\ufffdb\ufffdc é"
