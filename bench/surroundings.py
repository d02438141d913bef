"""A desk as on a user's machine, for the measured daemon.

Buses, two players, sound, battery and wifi are real programs (`tests/support/full_desktop.py`), on
the load's core; the daemon is started on the server's. Its frame is the one peers send as well.
"""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

from bench.candidates import ListenAddress
from bench.cores import LOAD, SERVER, on
from bench.processes import tree
from bench.results import BUILD
from tests.support.buses import PrivateBus
from tests.support.client import Client, bearer
from tests.support.full_desktop import FullDesktop, full_desktop
from tests.support.media import Media, make_media
from tests.support.mpv import Mpv
from tests.support.programs import Daemon

FRAME = BUILD / "frame.json"
AUTH = BUILD / "auth.txt"
AT_ONCE = 32
"""Tokens that are asked for at the same time."""
SPACE = 100_000
"""Sockets it may have: what is measured is not its bounds."""


class Surroundings:
    """The running parts, and a folder for the daemon's state."""

    def __init__(self, there: FullDesktop, second: Mpv, media: Media, state: Path) -> None:
        self.there = there
        self.second = second
        """The player that is paused; its bus name is no beginning of another's."""
        self.media = media
        self.state = state
        self._password = ""

    def desk(
        self, *, interval: float = 1.0, tls: bool = True, session: PrivateBus | None = None
    ) -> Daemon:
        """Return a daemon that reaches all of it, or another session bus."""
        return Daemon(
            buses=[session or self.there.session, self.there.system],
            env={"PULSE_SERVER": self.there.pulse.address},
            settings={
                "devices_sys": self.there.sys,
                "stats_interval": interval,
                "session_max_sockets": SPACE,
                "session_max_sockets_per_user": SPACE,
                "session_max_unauthenticated": SPACE,
                "session_auth_timeout": 600,
            },
            state_dir=self.state,
            tls=tls,
        )

    @contextmanager
    def serving(
        self, *, interval: float = 1.0, tls: bool = True, session: PrivateBus | None = None
    ) -> Iterator[Daemon]:
        """Run the daemon on the server's core."""
        desk = self.desk(interval=interval, tls=tls, session=session)
        desk.owner_password = self._password
        with ExitStack() as stack:
            with on(SERVER):
                stack.enter_context(desk)
            self._password = desk.owner_password
            yield desk


@asynccontextmanager
async def surroundings() -> AsyncIterator[Surroundings]:
    """Start everything but the daemon."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-") as name, on(LOAD):
        folder = Path(name)
        media = make_media(folder / "media")
        async with full_desktop(media, folder) as there:
            with Mpv(there.session, [media.bare.file], paused=True) as second:
                yield Surroundings(there, second, media, folder / "state")


async def make_tokens(there: Surroundings, count: int) -> str:
    """Log in and ask for so many tokens, for every daemon on this state; write frame and auths.

    Returns the path of the socket.
    """
    with there.serving(tls=False) as desk:
        async with Client(desk) as client:
            socket_token = await client.websocket_token()
            async with client.watch(socket_token) as screen:
                await screen.frame(lambda _: True, since=2)
                FRAME.write_text(screen.frames[-1].text, encoding="utf-8")
            tokens = [socket_token.token]
            while len(tokens) < count:
                asked = [one_more(client) for _ in range(min(AT_ONCE, count - len(tokens)))]
                tokens += await asyncio.gather(*asked)
    lines = [json.dumps({"event": "auth", "args": [token]}) for token in tokens]
    AUTH.write_text("\n".join(lines) + "\n", encoding="ascii")
    return "/" + socket_token.socket.split("/", 3)[3]


async def one_more(client: Client) -> str:
    """Ask for one more token by the same log-in."""
    headers = bearer(client.login_token)
    answer = await client.request("GET", "/v1/websocket", headers=headers)
    assert answer.status == 200, answer
    token: str = answer.json["data"]["token"]
    return token


def listen_address(desk: Daemon, path: str) -> ListenAddress:
    """Return the daemon as the load generator finds it."""
    return ListenAddress(tree(desk.pid), int(desk.address.rpartition(":")[2]), path, AUTH)
