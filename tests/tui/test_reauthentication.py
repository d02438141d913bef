from hypothesis import given
from hypothesis import strategies as st

from deskwire.tui.reauthentication import InputResult, PasswordInput
from deskwire.tui.spans import single_line


def typed(*keys: tuple[str, str | None]) -> PasswordInput:
    prompt = PasswordInput("ann")
    for key, character in keys:
        assert prompt.press(key, character) is InputResult.TYPING
    return prompt


def test_typed_password_is_shown_as_bullets() -> None:
    prompt = typed(("a", "a"), ("space", " "), ("upper_b", "B"), ("é", "é"))

    assert prompt.password == "a Bé"
    assert prompt.text == "Password for ann: ••••▏"


def test_backspace_and_ctrl_u_delete_and_other_keys_do_nothing() -> None:
    prompt = typed(("a", "a"), ("b", "b"), ("up", None), ("f1", None), ("backspace", "\x7f"))
    emptied = typed(("a", "a"), ("ctrl+u", "\x15"))

    assert prompt.password == "a"
    assert emptied.password == ""


def test_enter_submits_a_password_and_escape_cancels() -> None:
    prompt = typed(("enter", "\r"), ("a", "a"))

    assert prompt.press("enter", "\r") is InputResult.SUBMITTED
    assert prompt.press("escape", "\x1b") is InputResult.CANCELLED


def test_pasted_password_is_the_first_line() -> None:
    prompt = typed(("a", "a"))
    prompt.paste("b c\r\nsomething else\n")

    assert prompt.password == "ab c"


@given(st.text())
def test_any_pasted_text_is_shown_as_bullets(text: str) -> None:
    prompt = PasswordInput("ann")
    prompt.paste(text)

    assert set(single_line(prompt.text)) <= set("Password for ann: •▏")
