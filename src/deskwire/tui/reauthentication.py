"""Entering a desk again after it has refused the password that was known: a person is asked.

ended, refused ──▶ question ──typed──▶ entering ──▶ a desk
▲               └─given up─▶ nothing   │
└──────── refused, three times ────────┘
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from deskwire.client.connection_state import Phase, State
from deskwire.client.sync import Desk
from deskwire.model.problems import Problem, WrongCredentials
from deskwire.terminal.console import MAX_PASSWORD_PROMPTS
from deskwire.terminal.daemon_thread import run_in_daemon_thread
from deskwire.tui.password_input import InputResult, PasswordInput

TryPassword = Callable[[str], Desk]
"""Leaves the desk and returns it entered anew, or raises a `Problem`; takes its time."""


class Reauthentication:
    """Asks, and enters."""

    def __init__(self, username: str, try_password: TryPassword) -> None:
        self._username = username
        self._try_password = try_password
        self._asked = 0
        """Times since the desk was last entered."""
        self._entering: asyncio.Task[None] | None = None
        self.question: PasswordInput | None = None
        """What is being asked."""

    def look(self, state: State) -> None:
        """Ask, where the desk has refused what we know and nobody has given up."""
        refused = state.phase is Phase.ENDED and isinstance(state.problem, WrongCredentials)
        busy = self.question is not None or self._entering is not None
        if refused and not busy and self._asked < MAX_PASSWORD_PROMPTS:
            self._asked += 1
            self.question = PasswordInput(self._username)

    def press(self, key: str, character: str | None, entered: Callable[[Desk], None]) -> bool:
        """Take a key for the question; true when its answer is tried from now on."""
        assert self.question is not None
        match self.question.press(key, character):
            case InputResult.GIVEN_UP:
                self._asked, self.question = MAX_PASSWORD_PROMPTS, None
            case InputResult.DONE:
                entering = self._enter(self.question.answer, entered)
                self.question = None
                self._entering = asyncio.create_task(entering, name="deskwire entering")
                return True
        return False

    def stop(self) -> None:
        """Leave nothing running."""
        if self._entering is not None:
            self._entering.cancel()

    async def _enter(self, password: str, entered: Callable[[Desk], None]) -> None:
        with suppress(Problem):  # the state says which
            entered(await run_in_daemon_thread(partial(self._try_password, password)))
            self._asked = 0
        self._entering = None
