"""The whole way in and out, in any order: a small model of it, and the desk, which must agree.

hypothesis makes up what happens: log-ins, tokens, sockets, commands, log-outs, new passwords,
restarts and kills. The model is what the contract says of each token and socket, in a few lines.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from signal import SIGKILL, SIGTERM, Signals
from typing import Any, TypeVar
from urllib.parse import urlsplit

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.parts.client import Client, Screen, bearer
from tests.parts.desk import Desk

T = TypeVar("T")

MOST_SOCKETS = 3
PASSWORDS = ("the first of two passwords", "the second of two passwords")


class Login:
    """A login token, and whether it is good."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.living = True


class Token:
    """A websocket token, the login it is of, and the socket it has open."""

    def __init__(self, token: str, path: str, login: Login) -> None:
        self.token = token
        self.path = path
        self.login = login
        self.screen: Screen | None = None
        self.closing = AsyncExitStack()


class Conversation(RuleBasedStateMachine):
    """What anybody may do, and what must come of it."""

    desk: Desk
    password = 0

    logins: Bundle[Login] = Bundle("logins")
    tokens: Bundle[Token] = Bundle("tokens")

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.new_event_loop()
        self._client = Client(self.desk)
        self._begin()
        self._tokens: list[Token] = []
        self._logins: list[Login] = []

    @rule(target=logins)
    def log_in(self) -> Login:
        answer = self._do(self._client.login())

        assert answer.status == 200
        self._logins.append(Login(self._client.login_token))
        return self._logins[-1]

    @rule(target=tokens, login=logins)
    def ask_for_a_token(self, login: Login) -> Token:
        answer = self._get("/v1/websocket", login)

        assert answer.status == (200 if login.living else 401)
        given = (
            answer.json["data"]
            if login.living
            else {"token": "e30.e30.e30", "socket": "/v1/monitor/x/ws"}
        )
        token = Token(given["token"], urlsplit(given["socket"]).path, login)
        self._tokens.append(token)
        return token

    @rule(token=tokens)
    def connect(self, token: Token) -> None:
        older, others = token.screen, len(self._open) - (token.screen is not None)
        screen = self._do(self._connect(token.closing, token.path, token.token))

        if not token.login.living:
            assert self._do(screen.closed()) == 4001
        elif others >= MOST_SOCKETS:
            assert self._do(screen.closed()) == 1013
            token.screen = None
        else:
            self._do(screen.stats())
            token.screen = screen
        if older is not None:
            assert self._do(older.closed()) == 4001

    @rule(login=logins)
    def mistake_a_login_token_for_the_sockets(self, login: Login) -> None:
        async def refused() -> int:
            async with AsyncExitStack() as closing:
                screen = await self._connect(closing, "/v1/monitor/any/ws", login.token)
                return await screen.closed()

        assert self._do(refused()) == 4001

    @rule(token=tokens)
    def tap(self, token: Token) -> None:
        if (screen := token.screen) is None:
            return
        since = screen.count
        self._do(screen.send("audio-next", "player7"))

        assert self._do(screen.error(since=since)).code == "unknown_player"

    @rule(token=tokens)
    def leave(self, token: Token) -> None:
        self._do(token.closing.aclose())
        token.screen = None

    @rule(login=consumes(logins))
    def log_out(self, login: Login) -> None:
        answer = self._do(self._client.request("POST", "/v1/logout", headers=bearer(login.token)))

        assert answer.status == (204 if login.living else 401)
        self._end(login)

    @precondition(lambda self: self._logins)
    @rule()
    def set_another_password(self) -> None:
        Conversation.password = 1 - Conversation.password
        words = PASSWORDS[Conversation.password]
        done = self._do(
            asyncio.to_thread(
                self.desk.run, "users", "passwd", "owner", "--password-stdin", given=words + "\n"
            )
        )

        assert done.returncode == 0, done.stderr
        self._client.password = self.desk.owner_password = words
        self._end(*self._logins)

    @precondition(lambda self: self._tokens)
    @rule(how=st.sampled_from([SIGTERM, SIGKILL]))
    def restart(self, how: Signals) -> None:
        self._do(asyncio.to_thread(self.desk.stop, how))
        for token in self._open:
            assert token.screen is not None
            code = self._do(token.screen.closed())
            assert code == (1001 if how is SIGTERM else 1006)
            token.screen = None
        self._finish()
        self.desk.start()
        self._begin()

    def teardown(self) -> None:
        """Whoever is still there goes."""
        for login in self._logins:
            if login.living:
                self._do(self._client.request("POST", "/v1/logout", headers=bearer(login.token)))
        self._end(*self._logins)
        self._finish()
        self._loop.close()

    def check_invariants(self, *of: Any, **more: Any) -> None:
        """After each step: who should be there is."""
        super().check_invariants(*of, **more)
        self._do(asyncio.sleep(0))
        assert all(token.screen is not None and token.screen.open for token in self._open)

    @property
    def _open(self) -> list[Token]:
        return [token for token in self._tokens if token.screen is not None]

    def _end(self, *logins: Login) -> None:
        """These logins are over: so are their sockets, within a second."""
        for login in logins:
            login.living = False
        for token in self._open:
            if token.login in logins:
                assert token.screen is not None
                assert self._do(token.screen.closed(within=2)) == 4001
                token.screen = None

    def _get(self, path: str, login: Login) -> Any:
        return self._do(self._client.request("GET", path, headers=bearer(login.token)))

    async def _connect(self, closing: AsyncExitStack, path: str, token: str) -> Screen:
        address = self.desk.address.replace("https", "wss") + path
        screen = await closing.enter_async_context(self._client.connect(address))
        await screen.send("auth", token)
        return screen

    def _begin(self) -> None:
        self._client = Client(self.desk)
        self._do(self._client.__aenter__())

    def _finish(self) -> None:
        for token in self._tokens:
            self._do(token.closing.aclose())
        self._do(self._client.__aexit__())

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(work)


def test_the_desk_and_a_model_of_it_agree_whatever_happens() -> None:
    with Desk(settings={"session_max_sockets_per_user": MOST_SOCKETS}) as desk:
        Conversation.desk = desk
        run_state_machine_as_test(
            Conversation,
            settings=settings(
                max_examples=4,
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                derandomize=True,
                phases=[Phase.generate],  # to shrink a whole life of a desk takes minutes
                database=None,
            ),
        )
        desk.secrets.update(PASSWORDS)
