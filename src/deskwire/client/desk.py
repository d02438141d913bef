"""A desk as a program sees it: how it is now, each change, and taps.

    async with connect("https://desk.local:8765", "owner", password) as desk:
        print(desk.snapshot.volume)
        async for snapshot in desk: ...

Inside, `line` keeps the connection and this class keeps what it says. Iterating gives the newest
snapshot, never a backlog: who is slow skips what came in between.
"""

import asyncio
import random
from collections.abc import Callable
from types import TracebackType
from typing import Self

from deskwire.client.address import parse_address
from deskwire.client.authenticator import Entrance, Keep
from deskwire.client.connection import Connection, Hear
from deskwire.client.connection_manager import Line
from deskwire.client.connection_state import State
from deskwire.client.credentials import Ask, Credentials, Login, Ticket
from deskwire.client.desk_state import Heard, Snapshots
from deskwire.client.http import Art, Http
from deskwire.client.in_flight import find
from deskwire.client.problems import ClosedByDesk, NotConnected
from deskwire.client.timeouts import Pace
from deskwire.client.trust import SystemTrust, Trust, context_of
from deskwire.model.commands import Action, Command
from deskwire.model.instant import Instant, read_clock
from deskwire.model.problems import Problem, UnknownPlayer
from deskwire.model.readings import Player, PlayerId, Snapshot
from deskwire.protocol.close_codes import CloseCode


class Desk:
    """One desk, connected while it is entered (`async with`); of one event loop."""

    def __init__(
        self,
        address: str,
        credentials: Credentials,
        *,
        trust: Trust,
        login: Login | None = None,
        keep_login: Keep | None = None,
        on_state: Callable[[State], None] | None = None,
        on_refusal: Callable[[Problem], None] | None = None,
        keep_trying: bool = False,
        pace: Pace,
        clock: Callable[[], Instant] = read_clock,
        dice: Callable[[], float] = random.random,
    ) -> None:
        """`connect` says what these are; `clock` and `dice` are for tests."""
        self.address = address
        self._credentials = credentials
        self._trust = trust
        self._login = login
        self._keep = keep_login
        self._keep_trying = keep_trying
        self._pace = pace
        self._clock = clock
        self._dice = dice
        self._on_state = on_state
        self._on_refusal = on_refusal
        self._heard = Heard(on_state, on_refusal)
        self._entrance: Entrance | None = None
        self._line: Line | None = None
        self._living: asyncio.Task[None] | None = None

    # ---- how it is -------------------------------------------------------------------------------

    @property
    def snapshot(self) -> Snapshot:
        """The newest reading; while the desk is away, the last one.

        Raises `NotConnected` before it is entered.
        """
        if self._heard.snapshot is None:
            raise NotConnected("not connected yet: use `async with`")
        return self._heard.snapshot

    @property
    def state(self) -> State:
        """How the connection is."""
        return self._heard.state

    def __aiter__(self) -> Snapshots:
        """Iterate over snapshots: the present one at once, then each newer one.

        Ends when the desk is left or says 1000; raises the `Problem` that ended it otherwise.
        """
        return Snapshots(self._heard)

    # ---- taps ------------------------------------------------------------------------------------

    async def play_pause(self, player: str | Player) -> None:
        """Toggle play and pause of a player, by its id.

        Returns once the desk shows it, or after 1.5 s in which it neither shows nor refuses it: the
        contract answers no command. Raises what the desk refuses it with: `UnknownPlayer`,
        `NotSupported`, `OutOfScope`, `Throttled`, `PlayerTimeout`, `PlayerError`; and
        `NotConnected` while there is no connection, or when it is lost before the desk shows it.
        """
        await self._perform(Action.PLAY_PAUSE, player)

    async def next(self, player: str | Player) -> None:
        """Skip to the next track; otherwise as `play_pause`."""
        await self._perform(Action.NEXT, player)

    async def previous(self, player: str | Player) -> None:
        """Go to the previous track; otherwise as `play_pause`."""
        await self._perform(Action.PREVIOUS, player)

    async def stop(self, player: str | Player) -> None:
        """Stop playback; otherwise as `play_pause`."""
        await self._perform(Action.STOP, player)

    async def art(self, player: str | Player) -> Art | None:
        """Fetch a player's cover picture; `None` where it has none.

        Raises `UnknownPlayer`, `Unreachable` and the like.
        """
        if isinstance(player, str):
            found = find(self.snapshot, PlayerId(player))
            if found is None:
                raise UnknownPlayer(f"no such player: {player}")
            player = found
        if player.art is None:
            return None
        if self._entrance is None:
            raise NotConnected("not connected")
        return await self._entrance.art(player.art)

    async def _perform(self, action: Action, player: str | Player) -> None:
        id_ = player.id if isinstance(player, Player) else PlayerId(player)
        if self._line is None:
            raise NotConnected("not connected")
        command = Command(action, id_)
        waiting = self._heard.in_flight.add(command, self.snapshot)
        try:
            await self._line.command(command, waiting.settled)
            async with asyncio.timeout(self._pace.seen):
                await waiting.settled
        except TimeoutError:
            return
        finally:
            self._heard.in_flight.remove(waiting)

    # ---- entering and leaving --------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Connect; returns with the first snapshot in hand.

        Raises `WrongCredentials`, `Throttled`, `UntrustedCertificate`, `Unreachable`, `NotADesk`
        and `ClosedByDesk`.
        """
        if self._living is not None:
            raise RuntimeError("a desk is entered once at a time")
        heard = self._heard = Heard(self._on_state, self._on_refusal)
        context = await asyncio.to_thread(context_of, self._trust)

        async def dial(ticket: Ticket, hear: Hear) -> Connection:
            return await Connection.open(
                ticket,
                trust=self._trust,
                context=context,
                hear=hear,
                clock=self._clock,
                pace=self._pace,
            )

        self._entrance = Entrance(
            Http(self.address, self._trust, context, self._pace.opening),
            self._credentials,
            login=self._login,
            keep=self._keep,
            clock=self._clock,
            pace=self._pace,
        )
        self._line = Line(
            get_ticket=self._entrance.ticket,
            dial=dial,
            tell=heard,
            clock=self._clock,
            dice=self._dice,
            pace=self._pace,
            keep_trying=self._keep_trying,
        )
        self._living = asyncio.create_task(self._line.run(), name="deskwire line")
        self._living.add_done_callback(heard.end)
        try:
            first = await heard.newer(0)
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
        """Close with 1000, end a login made here; raises nothing but a bug of ours."""
        living = await self._leave()
        if problem is None and not living.cancelled():
            bug = living.exception()
            if bug is not None and not isinstance(bug, Problem):
                raise bug

    async def _leave(self) -> "asyncio.Task[None]":
        living, entrance = self._living, self._entrance
        assert living is not None
        assert entrance is not None
        living.cancel()
        try:
            await asyncio.wait([living])
        finally:
            await entrance.leave()
            self._living = self._line = self._entrance = None
        return living


def connect(
    url: str,
    username: str,
    password: str | Ask,
    *,
    trust: Trust | None = None,
    login: Login | None = None,
    keep_login: Keep | None = None,
    on_state: Callable[[State], None] | None = None,
    on_refusal: Callable[[Problem], None] | None = None,
    keep_trying: bool = False,
    pace: Pace | None = None,
) -> Desk:
    """Return the desk at `url`, to be entered with `async with`; `ValueError` for no address.

    `url`: `https://desk.local:8765`, or a bare name or address for TLS on port 8765.
    `password`: the password, or a coroutine function that asks a person for it; it is told the
    problem when the last one was wrong, and gives up with `None`.
    `trust`: `Pinned(fingerprint)`, `CaFile(path)`, or this system's authorities by default.
    `login`, `keep_login`: a login of an earlier run, and who keeps a new one; a login that nobody
    keeps is ended on leaving.
    `on_state`, `on_refusal`: told each state of the connection, and each refusal that no waiting
    call raises.
    `keep_trying`: when the desk is not there at first, wait for it as for one that was lost.
    `pace`: how long each wait is.
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
        pace=pace or Pace(),
    )
