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
from deskwire.auth.tokens import Tokens
from deskwire.auth.users import Users
from deskwire.core.command_router import CommandRouter
from deskwire.core.publisher import Publisher
from deskwire.core.supervisor import Supervisor
from deskwire.daemon.config.settings import Settings
from deskwire.daemon.probe import desk_devices
from deskwire.devices.dbus.buses import Buses
from deskwire.devices.sound.address import SoundServers
from deskwire.model.instant import read_clock
from deskwire.protocol.base.server_session import SessionPolicy
from deskwire.server.http.app import HttpApp, RequestPolicy
from deskwire.server.http.content import Pages
from deskwire.server.http.login_service import DeskAddress, LoginService
from deskwire.server.http.routes import routes
from deskwire.server.websocket.broadcaster import Broadcaster
from deskwire.server.websocket.endpoint import WebSocketEndpoint
from deskwire.server.websocket.session_registry import SessionRegistry, SocketLimits


@dataclass(frozen=True)
class Desk:
    """What has to be started and stopped."""

    supervisor: Supervisor
    desk_id: str
    registry: SessionRegistry
    app: HttpApp
    login_service: LoginService
    endpoint: WebSocketEndpoint

    def reconfigure(self, settings: Settings) -> None:
        """Apply the `RELOADABLE` settings."""
        self.login_service.reconfigure(desk_address(settings, self.desk_id))
        self.app.reconfigure(request_policy(settings), cookie=self.login_service.cookie.name)
        self.endpoint.reconfigure(session_policy(settings))
        self.registry.reconfigure(socket_limits(settings))

    def flush_logs(self) -> None:
        """Write the summaries of suppressed log lines."""
        self.login_service.flush_log()
        self.endpoint.flush_log()


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
    session = settings.session

    artwork = Artwork(cache=cache, fetch_remote=settings.art.fetch_remote)
    devices = desk_devices(settings, buses=buses, sound=sound, artwork=artwork)
    publisher = Publisher(
        interval=settings.stats.interval,
        topics=[device.topic for device in devices.values()],
    )
    supervisor = Supervisor(devices, publisher.put)
    publisher.on_demand = supervisor.set_demand
    broadcaster = Broadcaster(publisher)
    router = CommandRouter(devices.values())

    tokens = Tokens(
        key,
        desk=desk,
        boot_id=boot_id,
        login_lifetime=session.login_lifetime,
        websocket_lifetime=session.lifetime,
        find_login=logins.get,
    )
    registry = SessionRegistry(socket_limits(settings))
    logins.on_ended(registry.close_logins)

    endpoint = WebSocketEndpoint(
        verify=tokens.verify_websocket,
        router=router,
        broadcaster=broadcaster,
        registry=registry,
        clock=read_clock,
        policy=session_policy(settings),
    )
    login_service = LoginService(
        users=users,
        logins=logins,
        tokens=tokens,
        clock=read_clock,
        address=desk_address(settings, desk),
        on_websocket_token=broadcaster.expect,
    )
    table = routes(
        login_service=login_service,
        endpoint=endpoint,
        find_art=artwork.find,
        art_is_public=settings.art.public,
        pages=pages,
    )
    app = HttpApp(table, request_policy(settings), cookie=login_service.cookie.name)
    return Desk(supervisor, desk, registry, app, login_service, endpoint)


def desk_address(settings: Settings, desk_id: str) -> DeskAddress:
    """Return how clients reach the desk."""
    server = settings.server
    return DeskAddress(desk_id, tls=server.tls, public_url=server.public_url)


def session_policy(settings: Settings) -> SessionPolicy:
    """Return the settings of each new session."""
    session = settings.session
    return SessionPolicy(session.auth_timeout, session.warning, settings.compat.literal_event_names)


def socket_limits(settings: Settings) -> SocketLimits:
    """Return the maximum numbers of open sockets."""
    session = settings.session
    return SocketLimits(
        total=session.max_sockets,
        per_user=session.max_sockets_per_user,
        unauthenticated=session.max_unauthenticated,
    )


def request_policy(settings: Settings) -> RequestPolicy:
    """Return the host names, origins and proxies that the server accepts."""
    server = settings.server
    return RequestPolicy.create(
        allowed_hosts=server.allowed_hosts,
        allowed_origins=server.allowed_origins,
        public_url=server.public_url,
        trusted_proxies=server.trusted_proxies if server.behind_proxy else (),
    )
