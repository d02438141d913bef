"""Client of one desk: snapshots, changes and commands.

    async with connect("https://desk.local:8765", "owner", password) as desk:
        print(desk.snapshot.volume)
        async for snapshot in desk: ...

`ConnectionManager` keeps the connection, and `DeskState` what it received. Iteration yields the
newest snapshot and never a backlog: a slow consumer skips snapshots.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from ssl import SSLContext
from types import TracebackType
from typing import Any, Self

import aiohttp

from deskwire.client.address import parse_address
from deskwire.client.authenticator import Authenticator, KeepLogin
from deskwire.client.connection import Connection, ConnectionEvents
from deskwire.client.connection_manager import ConnectionManager
from deskwire.client.credentials import AskPassword, Credentials, Login, SocketToken
from deskwire.client.desk_state import ConnectionState, DeskState, Snapshots
from deskwire.client.http import Art, Http, open_pool
from deskwire.client.pending_commands import find
from deskwire.client.problems import ClosedByDesk, NotConnected
from deskwire.client.reconnect import ConnectWith, Reconnect
from deskwire.client.subscription import BaseProtocolOnly, Subscription, readings_of
from deskwire.client.timeouts import Timeouts
from deskwire.client.trust import SystemTrust, Trust, make_context
from deskwire.model.commands import Next, PlayerCommand, PlayPause, Previous, Stop
from deskwire.model.instant import Instant, read_clock
from deskwire.model.problems import Problem, UnknownPlayer
from deskwire.model.readings import Player, PlayerId, Snapshot
from deskwire.protocol.close_codes import CloseCode


class Desk:
    """One desk, connected inside `async with`; use it in one event loop."""

    def __init__(
        self,
        address: str,
        credentials: Credentials,
        *,
        trust: Trust,
        login: Login | None = None,
        keep_login: KeepLogin | None = None,
        on_state: Callable[[ConnectionState], None] | None = None,
        on_refusal: Callable[[Problem], None] | None = None,
        keep_trying: bool = False,
        timeouts: Timeouts,
        clock: Callable[[], Instant] = read_clock,
        random_number: Callable[[], float] = random.random,
    ) -> None:
        """See `connect`; `clock` and `random_number` are for tests."""
        self.address = address
        self._credentials = credentials
        self._trust = trust
        self._login = login
        self._keep = keep_login
        self._keep_trying = keep_trying
        self._timeouts = timeouts
        self._clock = clock
        self._random_number = random_number
        self._on_state = on_state
        self._on_refusal = on_refusal
        self._state = DeskState(on_state, on_refusal)
        self._authenticator: Authenticator | None = None
        self._manager: ConnectionManager | None = None
        self._task: asyncio.Task[None] | None = None
        self._context: SSLContext | None = None

    # ---- state -----------------------------------------------------------------------------------

    @property
    def snapshot(self) -> Snapshot:
        """Newest snapshot; the last one while the desk is away.

        Raises `NotConnected` before it is entered.
        """
        if self._state.snapshot is None:
            raise NotConnected("not connected yet: use `async with`")
        return self._state.snapshot

    @property
    def state(self) -> ConnectionState:
        """State of the connection."""
        return self._state.state

    def __aiter__(self) -> Snapshots:
        """Iterate over snapshots: the present one at once, then newer ones.

        Ends when the desk is left or says 1000; raises the `Problem` that ended it otherwise.
        """
        return Snapshots(self._state)

    # ---- commands --------------------------------------------------------------------------------

    async def play_pause(self, player: str | Player) -> None:
        """Toggle play and pause of a player, by its id.

        Returns when the desk shows the effect, or after 1.5 s without effect and error, because the
        base protocol does not answer commands. Raises the desk's error: `UnknownPlayer`,
        `NotSupported`, `OutOfScope`, `Throttled`, `PlayerTimeout` or `PlayerError`; and
        `NotConnected` without a connection, or if it is lost before the effect.
        """
        await self._perform(PlayPause, player)

    async def next(self, player: str | Player) -> None:
        """Skip to the next track; otherwise as `play_pause`."""
        await self._perform(Next, player)

    async def previous(self, player: str | Player) -> None:
        """Go to the previous track; otherwise as `play_pause`."""
        await self._perform(Previous, player)

    async def stop(self, player: str | Player) -> None:
        """Stop playback; otherwise as `play_pause`."""
        await self._perform(Stop, player)

    async def get(self, *topics: str) -> dict[str, Any]:
        """Get the present readings of these topics by name, of all topics without an argument.

        A reading is JSON as docs/reference/topics.md describes it, `None` for absent hardware.
        Raises `UnknownTopic`, `OutOfScope`, `NotConnected` and the problems of a request.
        """
        return await self._entered().readings(topics)

    async def subscribe(
        self, *topics: str, interval: float = 1.0
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the readings of these topics, all of them again after each change.

        `interval` is the shortest time between two readings of a polled topic, in seconds. The
        readings are those of `get`. They come on a socket of their own, which reconnects as the
        desk does; only the devices of these topics run for it. A desk that speaks the base protocol
        only is followed by its snapshots. Close the iterator before the desk, for example with
        `contextlib.aclosing`. Raises `UnknownTopic`, `OutOfScope`, and the problems that end an
        iteration over the desk.
        """
        if not topics:
            raise ValueError("subscribe needs the name of a topic")
        wanted = Subscription(topics, interval, new_pool=self._new_pool, timeouts=self._timeouts)
        reconnect = Reconnect(self._timeouts, self._random_number)
        try:
            async with aclosing(
                wanted.follow(self._new_socket_token, reconnect, self._clock)
            ) as following:
                async for readings in following:
                    yield readings
        except BaseProtocolOnly:
            last: dict[str, Any] = {}
            async for snapshot in self:
                readings = readings_of(snapshot, topics, self._clock().wall)
                if readings != last:
                    last = readings
                    yield dict(readings)
                    await asyncio.sleep(interval)

    async def _new_socket_token(self, connect_with: ConnectWith) -> SocketToken:
        return await self._entered().new_socket_token(connect_with)

    def _new_pool(self) -> aiohttp.ClientSession:
        return open_pool(self._trust, self._context, self._timeouts.opening)

    async def command(self, name: str, **arguments: Any) -> None:
        """Have a command carried out: `await desk.command("volume.set", level=40)`.

        Returns when the desk has carried it out; docs/reference/topics.md lists all commands.
        Raises the desk's error, for example `UnknownCommand`, `Malformed`, `OutOfScope`,
        `NotSupported`, `DeviceUnavailable` or `Throttled`, and `NotConnected`.
        """
        await self._entered().perform(name, arguments)

    def _entered(self) -> Authenticator:
        if self._authenticator is None:
            raise NotConnected("not connected: use `async with`")
        return self._authenticator

    async def art(self, player: str | Player) -> Art | None:
        """Get a player's cover picture; `None` if there is none.

        Raises `UnknownPlayer`, `Unreachable` and the like.
        """
        if isinstance(player, str):
            found = find(self.snapshot, PlayerId(player))
            if found is None:
                raise UnknownPlayer(f"unknown player: {player}")
            player = found
        if player.art is None:
            return None
        return await self._entered().art(player.art)

    async def _perform(self, command: type[PlayerCommand], player: str | Player) -> None:
        id_ = player.id if isinstance(player, Player) else PlayerId(player)
        if self._manager is None:
            raise NotConnected("not connected")
        request = command(id_)
        pending = self._state.pending_commands.add(request, self.snapshot)
        try:
            await self._manager.command(request, pending.answered)
            async with asyncio.timeout(self._timeouts.effect):
                await pending.answered
        except TimeoutError:
            return
        finally:
            self._state.pending_commands.remove(pending)

    # ---- connect and disconnect ------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Connect and wait for the first snapshot.

        Raises `WrongCredentials`, `Throttled`, `UntrustedCertificate`, `Unreachable`, `NotADesk`
        and `ClosedByDesk`.
        """
        if self._task is not None:
            raise RuntimeError("the desk is already connected")
        state = self._state = DeskState(self._on_state, self._on_refusal)
        context = self._context = await asyncio.to_thread(make_context, self._trust)

        async def dial(socket_token: SocketToken, events: ConnectionEvents) -> Connection:
            return await Connection.open(
                socket_token,
                trust=self._trust,
                context=context,
                events=events,
                clock=self._clock,
                timeouts=self._timeouts,
            )

        self._authenticator = Authenticator(
            Http(self.address, self._trust, context, self._timeouts.opening),
            self._credentials,
            login=self._login,
            keep=self._keep,
            clock=self._clock,
            timeouts=self._timeouts,
        )
        self._manager = ConnectionManager(
            get_socket_token=self._authenticator.socket_token,
            dial=dial,
            observer=state,
            clock=self._clock,
            random_number=self._random_number,
            timeouts=self._timeouts,
            keep_trying=self._keep_trying,
        )
        self._task = asyncio.create_task(self._manager.run(), name="deskwire line")
        self._task.add_done_callback(state.end)
        try:
            first = await state.newer(0)
        except BaseException:
            await self._leave()
            raise
        if first is None:
            await self._leave()
            raise ClosedByDesk(CloseCode.NORMAL)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close with 1000 and end a login made here; raises only unexpected exceptions."""
        task = await self._leave()
        if problem is None and not task.cancelled():
            unexpected = task.exception()
            if unexpected is not None and not isinstance(unexpected, Problem):
                raise unexpected

    async def _leave(self) -> "asyncio.Task[None]":
        task, authenticator = self._task, self._authenticator
        assert task is not None
        assert authenticator is not None
        task.cancel()
        try:
            await asyncio.wait([task])
        finally:
            await authenticator.leave()
            self._task = self._manager = self._authenticator = None
        return task


def connect(
    url: str,
    username: str,
    password: str | AskPassword,
    *,
    trust: Trust | None = None,
    login: Login | None = None,
    keep_login: KeepLogin | None = None,
    on_state: Callable[[ConnectionState], None] | None = None,
    on_refusal: Callable[[Problem], None] | None = None,
    keep_trying: bool = False,
    timeouts: Timeouts | None = None,
) -> Desk:
    """Return the desk at `url`, for use with `async with`; raises `ValueError` for a bad address.

    `url`: `https://desk.local:8765`, or a bare name or address for TLS on port 8765. `password`:
    the password, or a coroutine function that asks for it. Its argument is the problem with the
    last password or `None`; it returns `None` to give up. `trust`: `Pinned(fingerprint)`,
    `CaFile(path)`, or this system's authorities by default. `login`, `keep_login`: a stored login,
    and a callback that stores a new one. Without the callback a new login is ended on exit.
    `on_state`, `on_refusal`: callbacks for each connection state, and for each error that no
    pending call raises. `keep_trying`: retry also if the first connection fails. `timeouts`: all
    timeouts and delays.
    """
    return Desk(
        parse_address(url),
        Credentials(username, password),
        trust=trust or SystemTrust(),
        login=login,
        keep_login=keep_login,
        on_state=on_state,
        on_refusal=on_refusal,
        keep_trying=keep_trying,
        timeouts=timeouts or Timeouts(),
    )
