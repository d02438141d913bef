"""A question in the last lines of the screen: what is typed is counted, not shown."""

from enum import Enum

DOT = "•"
CURSOR = "▏"
LONGEST = 200


class InputResult(Enum):
    """What a key did to it."""

    MORE = "more"
    DONE = "done"
    GIVEN_UP = "given up"


class PasswordInput:
    """Asks one person for one password."""

    def __init__(self, username: str) -> None:
        self._username = username
        self.answer = ""

    @property
    def words(self) -> str:
        """What stands on the screen; not the answer."""
        return f"Password for {self._username}: {DOT * len(self.answer)}{CURSOR}"

    def press(self, key: str, character: str | None) -> InputResult:
        """Take a key, by Textual's name of it, and the character it types."""
        match key:
            case "enter" if self.answer:
                return InputResult.DONE
            case "escape":
                return InputResult.GIVEN_UP
            case "backspace" | "ctrl+h":
                self.answer = self.answer[:-1]
            case "ctrl+u":
                self.answer = ""
            case _ if character is not None and character.isprintable():
                self.paste(character)
        return InputResult.MORE

    def paste(self, text: str) -> None:
        """Take the first line of a text."""
        self.answer = (self.answer + text.strip("\r\n").partition("\n")[0].rstrip("\r"))[:LONGEST]
