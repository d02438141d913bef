"""The mock on one page: the daemon's rooms, with a scene where the devices are.

    scene ──readings──▶ publisher ──frames──▶ broadcaster ──▶ screens
    scene ◀──commands── router ◀── monitor ◀── screens
    faults ──▶ publisher, sockets, logins

Whatever a screen speaks to here is what it speaks to in the daemon.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from deskwire.auth.logins import Logins
from deskwire.auth.throttle import LoginThrottle
from deskwire.auth.tokens import Tokens
from deskwire.auth.users import Users
from deskwire.core.command_router import CommandRouter
from deskwire.model.instant import Clock
from deskwire.model.readings import ArtKey, Snapshot
from deskwire.model.units import Seconds
from deskwire.server.http.app import HttpApp
from deskwire.server.http.login_service import LoginService
from deskwire.server.http.pages import Pages
from deskwire.server.http.request_policy import RequestPolicy
from deskwire.server.http.routes import routes
from deskwire.server.websocket.broadcaster import Broadcaster
from deskwire.server.websocket.deadlines import Deadlines
from deskwire.server.websocket.endpoint import WebSocketEndpoint
from deskwire.server.websocket.session_registry import SessionRegistry
from deskwire.simulator.fault_scheduler import Rehearsal
from deskwire.simulator.faults import Fault, FaultyPublisher, FaultySockets
from deskwire.simulator.scenario import Scenario
from deskwire.simulator.simulated_desk import BEAT, SceneDesk

PERIODIC = frozenset({"cpu", "memory", "network", "uptime", "disk"})
"""Readings that change with the beat and not between two of them, as on a real desk."""

LOGIN_LIFETIME = Seconds(604_800.0)
LIFETIME = Seconds(1200.0)
WARNING = Seconds(240.0)
AUTH_TIMEOUT = Seconds(10.0)
MOST_SOCKETS = 256
MOST_SOCKETS_A_USER = 16
MOST_WAITING = 64


@dataclass(frozen=True)
class MockDesk:
    """What has to be started and stopped."""

    scene: SceneDesk
    rehearsal: Rehearsal
    sockets: SessionRegistry
    doors: HttpApp


def wire(
    scenario: Scenario,
    pictures: Mapping[ArtKey, bytes],
    faults: Iterable[Fault],
    *,
    users: Users,
    logins: Logins,
    key: bytes,
    desk: str,
    boot_id: str,
    clock: Clock,
    lifetime: Seconds,
    warning: Seconds,
    origins: Iterable[str],
    tls: bool,
    pages: Pages,
) -> MockDesk:
    """Put the rooms together."""
    publisher = FaultyPublisher(
        interval=BEAT, devices=Snapshot.__struct_fields__, periodic=PERIODIC
    )
    scene = SceneDesk(scenario, pictures, publisher.take)
    publisher.on_watched = scene.watch
    sockets = FaultySockets(
        most=MOST_SOCKETS, most_a_user=MOST_SOCKETS_A_USER, most_waiting=MOST_WAITING
    )
    logins.on_ended(sockets.close_logins)

    tokens = Tokens(
        key,
        desk=desk,
        boot_id=boot_id,
        login_lifetime=LOGIN_LIFETIME,
        websocket_lifetime=lifetime,
        alive=logins.get,
    )
    monitor = WebSocketEndpoint(
        verify=sockets.verifying(tokens.verify_websocket),
        router=CommandRouter(scene.perform),
        broadcaster=Broadcaster(publisher),
        sockets=sockets,
        deadlines=Deadlines(clock),
        clock=clock,
        auth_timeout=AUTH_TIMEOUT,
        warning=warning,
        literal_names=False,
    )
    door = LoginService(
        users=users,
        logins=logins,
        tokens=tokens,
        throttle=LoginThrottle(),
        clock=clock,
        desk=desk,
        public_url="",
        tls=tls,
        expect=publisher.expect,
    )
    names = RequestPolicy(
        allowed_hosts=(), allowed_origins=origins, public_url="", trusted_proxies=()
    )
    table = routes(
        door=door,
        monitor=monitor,
        find_art=scene.find,
        art_is_public=False,
        pages=pages,
    )
    doors = HttpApp(table, names, cookie=door.cookie.name)
    return MockDesk(scene, Rehearsal(faults, publisher, sockets, logins), sockets, doors)
