"""Password prompt on the display, after the desk has refused the saved password.

ended, refused ──▶ prompt ──submitted──▶ connecting ──▶ connected
▲               └─cancelled─▶ ended      │
└──────────── refused, three times ──────┘
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from functools import partial

from deskwire.client.desk_state import ConnectionState, Phase
from deskwire.client.sync import Desk
from deskwire.model.problems import Problem, WrongCredentials
from deskwire.terminal.console import MAX_PASSWORD_PROMPTS
from deskwire.tui.background import run_in_daemon_thread

BULLET = "•"
CURSOR = "▏"
MAX_PASSWORD = 200
"""Characters that the prompt accepts."""

ConnectWith = Callable[[str], Desk]
"""Reconnects with a password. Blocks, and raises a `Problem`."""


class InputResult(Enum):
    """Effect of a key on the prompt."""

    TYPING = "typing"
    SUBMITTED = "submitted"
    CANCELLED = "cancelled"


class PasswordInput:
    """Input line that shows bullets instead of the password."""

    def __init__(self, username: str) -> None:
        self._username = username
        self.password = ""

    @property
    def text(self) -> str:
        """Visible text."""
        return f"Password for {self._username}: {BULLET * len(self.password)}{CURSOR}"

    def press(self, key: str, character: str | None) -> InputResult:
        """Handle a key, by Textual's name, and the character that it types."""
        match key:
            case "enter" if self.password:
                return InputResult.SUBMITTED
            case "escape":
                return InputResult.CANCELLED
            case "backspace" | "ctrl+h":
                self.password = self.password[:-1]
            case "ctrl+u":
                self.password = ""
            case _ if character is not None and character.isprintable():
                self.paste(character)
        return InputResult.TYPING

    def paste(self, text: str) -> None:
        """Append the first line of a text."""
        line = text.strip("\r\n").partition("\n")[0].rstrip("\r")
        self.password = (self.password + line)[:MAX_PASSWORD]


class Reauthentication:
    """Prompt for a new password, and the attempts to reconnect with it."""

    def __init__(self, username: str, connect_with: ConnectWith) -> None:
        self._username = username
        self._connect_with = connect_with
        self._prompts = 0
        """Prompts since the last successful connection."""
        self._connecting: asyncio.Task[None] | None = None
        self.prompt: PasswordInput | None = None
        """The open prompt."""

    def update(self, state: ConnectionState) -> None:
        """Open a prompt if the desk has refused the password and the user has not cancelled."""
        refused = state.phase is Phase.ENDED and isinstance(state.problem, WrongCredentials)
        busy = self.prompt is not None or self._connecting is not None
        if refused and not busy and self._prompts < MAX_PASSWORD_PROMPTS:
            self._prompts += 1
            self.prompt = PasswordInput(self._username)

    def press(self, key: str, character: str | None, connected: Callable[[Desk], None]) -> bool:
        """Pass a key to the prompt. Return whether it starts an attempt to reconnect."""
        assert self.prompt is not None
        match self.prompt.press(key, character):
            case InputResult.CANCELLED:
                self._prompts, self.prompt = MAX_PASSWORD_PROMPTS, None
            case InputResult.SUBMITTED:
                connecting = self._connect(self.prompt.password, connected)
                self.prompt = None
                self._connecting = asyncio.create_task(connecting, name="deskwire reconnect")
                return True
        return False

    def stop(self) -> None:
        """Cancel an attempt."""
        if self._connecting is not None:
            self._connecting.cancel()

    async def _connect(self, password: str, connected: Callable[[Desk], None]) -> None:
        with suppress(Problem):  # the connection state has it
            connected(await run_in_daemon_thread(partial(self._connect_with, password)))
            self._prompts = 0
        self._connecting = None
