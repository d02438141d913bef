from hypothesis import given
from hypothesis import strategies as st

from deskwire.tui.password_input import InputResult, PasswordInput
from deskwire.tui.spans import safe


def typed(*keys: tuple[str, str | None]) -> PasswordInput:
    question = PasswordInput("ann")
    for key, character in keys:
        assert question.press(key, character) is InputResult.MORE
    return question


def test_what_is_typed_is_counted_and_not_shown() -> None:
    question = typed(("a", "a"), ("space", " "), ("upper_b", "B"), ("é", "é"))

    assert question.answer == "a Bé"
    assert question.words == "Password for ann: ••••▏"


def test_keys_that_type_nothing_do_nothing_but_mend() -> None:
    question = typed(("a", "a"), ("b", "b"), ("up", None), ("f1", None), ("backspace", "\x7f"))
    emptied = typed(("a", "a"), ("ctrl+u", "\x15"))

    assert question.answer == "a"
    assert emptied.answer == ""


def test_enter_answers_where_there_is_an_answer_and_escape_gives_up() -> None:
    question = typed(("enter", "\r"), ("a", "a"))

    assert question.press("enter", "\r") is InputResult.DONE
    assert question.press("escape", "\x1b") is InputResult.GIVEN_UP


def test_a_password_is_pasted_without_its_end_of_line() -> None:
    question = typed(("a", "a"))
    question.paste("b c\r\nsomething else\n")

    assert question.answer == "ab c"


@given(st.text())
def test_whatever_is_pasted_only_dots_are_shown(text: str) -> None:
    question = PasswordInput("ann")
    question.paste(text)

    assert set(safe(question.words)) <= set("Password for ann: •▏")
