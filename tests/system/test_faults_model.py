"""Stateful test of logins, tokens and sockets: the daemon must agree with a small model.

hypothesis chooses the steps: log-ins by the contract and by the page, wrong passwords, tokens,
sockets, commands, pictures, log-outs, logins ended by command, new passwords, restarts and kills.
The model says what the contract requires of each token and socket.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from signal import SIGKILL, SIGTERM, Signals
from subprocess import CompletedProcess
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlsplit

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from tests.support.client import Client, Socket, bearer, claims
from tests.support.programs import Daemon
from tests.support.waiting import until

T = TypeVar("T")

MAX_SOCKETS = 3
MAX_GUESSES = 3
"""Wrong passwords in one run; the runs together stay below the throttle."""
PASSWORDS = ("the first of two passwords", "the second of two passwords")


class Login:
    """A login token, and whether it is valid."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.valid = True
        self.id = str(claims(token)["sid"])


class Token:
    """A WebSocket token, its login and its open socket."""

    def __init__(self, token: str, path: str, login: Login) -> None:
        self.token = token
        self.path = path
        self.login = login
        self.socket: Socket | None = None
        self.closing = AsyncExitStack()


class Conversation(RuleBasedStateMachine):
    """Steps of the test, with the required results."""

    daemon: Daemon
    password = 0
    seen: ClassVar[Counter[str]] = Counter()
    """Number of each important event; a run of hypothesis may contain few of them."""

    tokens: Bundle[Token] = Bundle("tokens")

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.new_event_loop()
        self._client = Client(self.daemon)
        self._begin()
        self._tokens: list[Token] = []
        self._logins: list[Login] = []
        self._guesses = 0

    @initialize(target=tokens)
    def log_in_and_connect(self) -> Token:
        token = self._log_in()
        self.connect(token)
        return token

    @rule(target=tokens)
    def log_in(self) -> Token:
        return self._log_in()

    @rule(target=tokens)
    def log_in_on_the_page(self) -> Token:
        words = {"username": "owner", "password": self._client.password}
        answer = self._do(self._client.request("POST", "/v1/page/login", json=words))

        assert (answer.status, answer.body) == (204, b"")
        cookie = answer.headers["Set-Cookie"].partition(";")[0]
        return self._token_of(Login(cookie.partition("=")[2]))

    @rule(password=st.sampled_from(["", "a guess", *PASSWORDS]))
    def guess(self, password: str) -> None:
        if password == self._client.password or self._guesses == MAX_GUESSES:
            return
        self._guesses += 1
        words = {"username": "owner", "password": password}
        answer = self._do(self._client.request("POST", "/v1/login", json=words))

        assert (answer.status, answer.code) == (401, "wrong_credentials")

    @rule(target=tokens, token=tokens)
    def get_another_token(self, token: Token) -> Token:
        return self._token_of(token.login)

    @rule(token=tokens)
    def connect(self, token: Token) -> None:
        older, others = token.socket, len(self._open) - (token.socket is not None)
        socket = self._do(self._connect(token.closing, token.path, token.token))

        if not token.login.valid:
            assert self._do(socket.closed()) == 4001
            self.seen["a socket of an ended login"] += 1
        elif others >= MAX_SOCKETS:
            assert self._do(socket.closed()) == 1013
            token.socket = None
            self.seen["a socket too many"] += 1
        else:
            self._do(socket.stats())
            token.socket = socket
        if older is not None:
            assert self._do(older.closed()) == 4001
            self.seen["a socket in the place of an older"] += 1

    @rule(token=tokens)
    def connect_with_a_login_token(self, token: Token) -> None:
        async def refused() -> int:
            async with AsyncExitStack() as closing:
                socket = await self._connect(closing, "/v1/monitor/any/ws", token.login.token)
                return await socket.closed()

        assert self._do(refused()) == 4001

    @rule(token=tokens)
    def send_command(self, token: Token) -> None:
        if (socket := token.socket) is None:
            return
        since = socket.count
        self._do(socket.send("audio-next", "player7"))

        assert self._do(socket.error(since=since)).code == "unknown_player"
        self.seen["a command"] += 1

    @rule(token=tokens)
    def leave(self, token: Token) -> None:
        self._do(token.closing.aclose())
        token.socket = None

    @rule(token=tokens)
    def get_a_picture(self, token: Token) -> None:
        answer = self._get("/v1/img/tmp/L2V0Yy9wYXNzd2Q=", token.login)

        assert answer.status == (404 if token.login.valid else 401)

    @rule(path=st.sampled_from(["/healthz", "/v1/openapi.json", "/"]))
    def get_without_a_login(self, path: str) -> None:
        assert self._do(self._client.request("GET", path)).status == 200

    @rule()
    def list_logins(self) -> None:
        watching = Counter(token.login.id for token in self._open)
        expected = {each.id: watching[each.id] for each in self._logins if each.valid}

        def matches() -> bool:  # the daemon may still be closing a socket
            rows = json.loads(self.daemon.run("logins", "--json").stdout)
            return {each["id"]: len(each["watching"]) for each in rows} == expected

        self._do(asyncio.to_thread(until, matches, what=f"the list says {expected}"))

    @rule(token=tokens)
    def end_by_command(self, token: Token) -> None:
        done = self._command("logins", "--end", token.login.id)

        assert done.returncode == (0 if token.login.valid else 1)
        self._end(token.login)

    @rule(token=tokens)
    def log_out(self, token: Token) -> None:
        login = bearer(token.login.token)
        answer = self._do(self._client.request("POST", "/v1/logout", headers=login))

        assert answer.status == (204 if token.login.valid else 401)
        self._end(token.login)

    @rule()
    def set_another_password(self) -> None:
        Conversation.password = 1 - Conversation.password
        words = PASSWORDS[Conversation.password]
        done = self._command("users", "passwd", "owner", "--password-stdin", given=words + "\n")

        assert done.returncode == 0, done.stderr
        self._client.password = self.daemon.owner_password = words
        self._end(*self._logins)

    @rule(how=st.sampled_from([SIGTERM, SIGKILL]))
    def restart(self, how: Signals) -> None:
        self._do(asyncio.to_thread(self.daemon.stop, how))
        for token in self._open:
            assert token.socket is not None
            code = self._do(token.socket.closed())
            assert code == (1001 if how is SIGTERM else 1006)
            token.socket = None
            self.seen[f"{how.name} with a socket open"] += 1
        self._finish()
        self.daemon.start()
        self._begin()

    def teardown(self) -> None:
        """End all logins."""
        for login in self._logins:
            if login.valid:
                self._do(self._client.request("POST", "/v1/logout", headers=bearer(login.token)))
        self._end(*self._logins)
        self._finish()
        self._loop.close()

    def check_invariants(self, *of: Any, **more: Any) -> None:
        """Check after each step that all sockets of the model are open."""
        super().check_invariants(*of, **more)
        self._do(asyncio.sleep(0))
        assert all(token.socket is not None and token.socket.open for token in self._open)

    @property
    def _open(self) -> list[Token]:
        return [token for token in self._tokens if token.socket is not None]

    def _end(self, *logins: Login) -> None:
        """Mark logins as ended; their sockets must close within a second."""
        for login in logins:
            login.valid = False
        for token in self._open:
            if token.login in logins:
                assert token.socket is not None
                assert self._do(token.socket.closed(within=2)) == 4001
                token.socket = None
                self.seen["a login ended with a socket open"] += 1

    def _log_in(self) -> Token:
        answer = self._do(self._client.login())
        assert answer.status == 200
        return self._token_of(Login(self._client.login_token))

    def _token_of(self, login: Login) -> Token:
        """Request a token; a login that has ended gives none, so keep an invalid one."""
        if login not in self._logins:
            self._logins.append(login)
        answer = self._get("/v1/websocket", login)
        assert answer.status == (200 if login.valid else 401)
        data = (
            answer.json["data"]
            if login.valid
            else {"token": "e30.e30.e30", "socket": "/v1/monitor/x/ws"}
        )
        self._tokens.append(Token(data["token"], urlsplit(data["socket"]).path, login))
        return self._tokens[-1]

    def _command(self, *words: str, given: str = "") -> "CompletedProcess[str]":
        return self._do(asyncio.to_thread(self.daemon.run, *words, given=given))

    def _get(self, path: str, login: Login) -> Any:
        return self._do(self._client.request("GET", path, headers=bearer(login.token)))

    async def _connect(self, closing: AsyncExitStack, path: str, token: str) -> Socket:
        address = self.daemon.address.replace("https", "wss") + path
        socket = await closing.enter_async_context(self._client.connect(address))
        await socket.send("auth", token)
        return socket

    def _begin(self) -> None:
        self._client = Client(self.daemon)
        self._do(self._client.__aenter__())

    def _finish(self) -> None:
        for token in self._tokens:
            self._do(token.closing.aclose())
        self._do(self._client.__aexit__())

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(work)


def run_all_events() -> None:
    """Run once through all important events."""
    one = Conversation()
    first, second = one.log_in_and_connect(), one.log_in_and_connect()
    one.send_command(first)
    one.connect(first)
    third = one.get_another_token(second)
    one.connect(third)
    one.connect(one.log_in_on_the_page())
    one.list_logins()
    one.log_out(second)
    one.connect(third)
    one.end_by_command(first)
    for how in (SIGTERM, SIGKILL):
        again = one.log_in_and_connect()
        one.restart(how)
        one.connect(again)
        one.list_logins()
    one.set_another_password()
    one.teardown()


def test_desk_agrees_with_its_model_after_any_sequence() -> None:
    with Daemon(settings={"session_max_sockets_per_user": MAX_SOCKETS}) as daemon:
        daemon.secrets.update(PASSWORDS)
        Conversation.daemon = daemon
        run_all_events()
        run_state_machine_as_test(
            Conversation,
            settings=settings(
                max_examples=8,
                stateful_step_count=15,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                derandomize=True,
                phases=[Phase.generate],  # shrinking would take minutes
                database=None,
            ),
        )

    assert set(Conversation.seen) == {
        "a command",
        "a login ended with a socket open",
        "a socket in the place of an older",
        "a socket of an ended login",
        "a socket too many",
        "SIGKILL with a socket open",
        "SIGTERM with a socket open",
    }
