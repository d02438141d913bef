"""The system on one page: what there is, and who is told of what.

    devices ──readings──▶ supervisor ──▶ publisher ──frames──▶ broadcaster ──▶ screens
    devices ◀──commands── router ◀── monitor ◀── screens
    logins that end ──▶ sockets that close

Everything is made here, from settings, and handed plain arguments; nothing else in the house
knows how it is put together.
"""

from dataclasses import dataclass
from pathlib import Path

from deskwire.art.artwork import Artwork
from deskwire.auth.logins import Logins
from deskwire.auth.throttle import LoginThrottle
from deskwire.auth.tokens import Tokens
from deskwire.auth.users import Users
from deskwire.core.command_router import CommandRouter
from deskwire.core.publisher import Publisher
from deskwire.core.supervisor import Supervisor
from deskwire.daemon.config.settings import Server, Settings
from deskwire.devices.catalogue import PERIODIC, catalogue
from deskwire.devices.dbus.buses import Buses
from deskwire.devices.device import Roots
from deskwire.devices.players import PlayersDevice
from deskwire.devices.sound.address import SoundServers
from deskwire.model.instant import read_clock
from deskwire.server.http.app import HttpApp
from deskwire.server.http.login_service import LoginService
from deskwire.server.http.pages import Pages
from deskwire.server.http.request_policy import RequestPolicy
from deskwire.server.http.routes import routes
from deskwire.server.websocket.broadcaster import Broadcaster
from deskwire.server.websocket.deadlines import Deadlines
from deskwire.server.websocket.endpoint import WebSocketEndpoint
from deskwire.server.websocket.session_registry import SessionRegistry


@dataclass(frozen=True)
class Desk:
    """What has to be started and stopped."""

    supervisor: Supervisor
    sockets: SessionRegistry
    doors: HttpApp
    door: LoginService
    monitor: WebSocketEndpoint

    def adopt(self, settings: Settings) -> None:
        """Go on by these settings, as far as they are `RELOADABLE`."""
        session = settings.session
        self.doors.names = names_of(settings.server)
        self.door.be_reached_at(settings.server.public_url)
        self.doors.describe(cookie=self.door.cookie.name)
        self.monitor.auth_timeout = session.auth_timeout
        self.monitor.warning = session.warning
        self.monitor.literal_names = settings.compat.literal_event_names
        self.sockets.most = session.max_sockets
        self.sockets.most_a_user = session.max_sockets_per_user
        self.sockets.most_waiting = session.max_unauthenticated

    def flush(self) -> None:
        """Say in the log what was kept back so far."""
        self.door.refused.flush()
        self.monitor.strangers.flush()


def wire(
    settings: Settings,
    *,
    users: Users,
    logins: Logins,
    key: bytes,
    desk: str,
    boot_id: str,
    buses: Buses,
    sound: SoundServers,
    cache: Path,
    pages: Pages,
) -> Desk:
    """Put the rooms together."""
    server, session = settings.server, settings.session

    artwork = Artwork(cache=cache, fetch_remote=settings.art.fetch_remote)
    devices = catalogue(
        roots=Roots(proc=settings.devices.proc, sys=settings.devices.sys),
        every=settings.stats.interval,
        disk=settings.stats.disk,
        buses=buses,
        sound=sound,
        artwork=artwork,
        disabled=settings.devices.disabled,
    )
    players = devices.get("players")

    publisher = Publisher(interval=settings.stats.interval, devices=devices, periodic=PERIODIC)
    supervisor = Supervisor(devices, publisher.take)
    publisher.on_watched = supervisor.watch
    router = CommandRouter(players.perform if isinstance(players, PlayersDevice) else None)

    tokens = Tokens(
        key,
        desk=desk,
        boot_id=boot_id,
        login_lifetime=session.login_lifetime,
        websocket_lifetime=session.lifetime,
        alive=logins.get,
    )
    sockets = SessionRegistry(
        most=session.max_sockets,
        most_a_user=session.max_sockets_per_user,
        most_waiting=session.max_unauthenticated,
    )
    logins.on_ended(sockets.close_logins)

    monitor = WebSocketEndpoint(
        verify=tokens.verify_websocket,
        router=router,
        broadcaster=Broadcaster(publisher),
        sockets=sockets,
        deadlines=Deadlines(read_clock),
        clock=read_clock,
        auth_timeout=session.auth_timeout,
        warning=session.warning,
        literal_names=settings.compat.literal_event_names,
    )
    door = LoginService(
        users=users,
        logins=logins,
        tokens=tokens,
        throttle=LoginThrottle(),
        clock=read_clock,
        desk=desk,
        public_url=server.public_url,
        tls=server.tls,
        expect=publisher.expect,
    )
    table = routes(
        door=door,
        monitor=monitor,
        find_art=artwork.find,
        art_is_public=settings.art.public,
        pages=pages,
    )
    doors = HttpApp(table, names_of(server), cookie=door.cookie.name)
    return Desk(supervisor, sockets, doors, door, monitor)


def names_of(server: Server) -> RequestPolicy:
    """Say which names and pages the doors answer to."""
    return RequestPolicy(
        allowed_hosts=server.allowed_hosts,
        allowed_origins=server.allowed_origins,
        public_url=server.public_url,
        trusted_proxies=server.trusted_proxies if server.behind_proxy else (),
    )
