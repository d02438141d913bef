"""Wiring of the daemon: the devices of this desk, the core and the server.

    devices ──readings──▶ supervisor ──▶ publisher ──values──▶ server
    devices ◀──commands── router ◀── server

All parts get plain arguments, made from the settings here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deskwire.art.artwork import Artwork
from deskwire.core.command_router import CommandRouter
from deskwire.core.publisher import Publisher
from deskwire.core.supervisor import Supervisor
from deskwire.daemon.config.settings import Settings
from deskwire.daemon.probe import desk_devices
from deskwire.devices.dbus.buses import Buses
from deskwire.devices.sound.address import FindServers, SoundServers
from deskwire.model.instant import read_clock
from deskwire.protocol.base.server_session import SessionPolicy
from deskwire.server.http.content import Pages
from deskwire.server.http.login_service import DeskAddress
from deskwire.server.http.request_policy import RequestPolicy
from deskwire.server.websocket.broadcaster import Broadcaster
from deskwire.server.websocket.session_registry import SessionRegistry, SocketLimits
from deskwire.server.wiring import (
    Accounts,
    Content,
    DeskServer,
    Lifetimes,
    ServerPolicy,
    build_server,
)


@dataclass(frozen=True)
class Desk:
    """The parts that are started and stopped."""

    supervisor: Supervisor
    server: DeskServer
    desk_id: str
    is_known_address: Callable[[str], bool]
    """Returns whether a user has logged in from an address before."""

    def reconfigure(self, settings: Settings) -> None:
        """Apply the `RELOADABLE` settings."""
        self.server.reconfigure(server_policy(settings, self.desk_id))


def wire(
    settings: Settings,
    accounts: Accounts,
    *,
    buses: Buses,
    sound: SoundServers | FindServers,
    cache: Path,
    pages: Pages,
) -> Desk:
    """Connect all parts of the daemon."""
    artwork = Artwork(cache=cache, fetch_remote=settings.art.fetch_remote)
    devices = desk_devices(settings, buses=buses, sound=sound, artwork=artwork)
    publisher = Publisher(
        interval=settings.stats.interval,
        topics=[device.topic for device in devices.values()],
    )
    supervisor = Supervisor(devices, publisher.put)
    publisher.on_demand = supervisor.set_demand
    policy = server_policy(settings, accounts.desk_id)
    server = build_server(
        accounts,
        Lifetimes(settings.session.login_lifetime, settings.session.lifetime),
        policy,
        Content(artwork.find, pages, settings.art.public),
        publisher=publisher,
        broadcaster=Broadcaster(publisher),
        registry=SessionRegistry(policy.sockets, accounts.logins.is_known_address),
        router=CommandRouter(devices.values()),
        clock=read_clock,
    )
    return Desk(supervisor, server, accounts.desk_id, accounts.logins.is_known_address)


def server_policy(settings: Settings, desk_id: str) -> ServerPolicy:
    """Return the server's part of the settings."""
    server, session = settings.server, settings.session
    return ServerPolicy(
        address=DeskAddress(desk_id, tls=server.tls, public_url=server.public_url),
        requests=RequestPolicy.create(
            tls=server.tls,
            allowed_hosts=server.allowed_hosts,
            allowed_origins=server.allowed_origins,
            public_url=server.public_url,
            trusted_proxies=server.trusted_proxies if server.behind_proxy else (),
        ),
        session=SessionPolicy(
            auth_timeout=session.auth_timeout,
            warning=session.warning,
            literal_names=settings.compat.literal_event_names,
        ),
        sockets=SocketLimits(
            total=session.max_sockets,
            per_user=session.max_sockets_per_user,
            unauthenticated=session.max_unauthenticated,
        ),
    )
