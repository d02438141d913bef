"""Wiring of the mock server: the daemon's server with a simulated desk in place of devices.

    simulated desk ──readings──▶ publisher ──values──▶ broadcaster ──frames──▶ clients
    simulated desk ◀──commands── router ◀── endpoint ◀── clients
    faults ──▶ broadcaster, session registry, logins

Clients talk to the same code as in the daemon.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import get_type_hints

from deskwire.auth.logins import Logins
from deskwire.auth.tokens import Tokens
from deskwire.auth.users import Users
from deskwire.core.command_router import CommandRouter
from deskwire.core.publisher import Publisher
from deskwire.model.instant import Clock
from deskwire.model.readings import ArtKey, Snapshot
from deskwire.model.topics import Topic
from deskwire.model.units import Seconds
from deskwire.protocol.base.server_session import SessionPolicy
from deskwire.server.http.app import HttpApp, RequestPolicy
from deskwire.server.http.content import Pages
from deskwire.server.http.login_service import DeskAddress, LoginService
from deskwire.server.http.routes import routes
from deskwire.server.websocket.endpoint import WebSocketEndpoint
from deskwire.server.websocket.session_registry import SessionRegistry, SocketLimits
from deskwire.simulator.faults import (
    Fault,
    FaultScheduler,
    FaultyBroadcaster,
    FaultySessionRegistry,
)
from deskwire.simulator.scenario import Scenario
from deskwire.simulator.simulated_desk import INTERVAL, SimulatedDesk

PERIODIC = frozenset({"cpu", "memory", "network", "uptime", "disk"})
"""Topics that are read at each interval, as on a real desk."""
TOPICS = [
    Topic(name, reading, periodic=name in PERIODIC)
    for name, reading in get_type_hints(Snapshot).items()
]

LOGIN_LIFETIME = Seconds(604_800.0)
LIFETIME = Seconds(1200.0)
WARNING = Seconds(240.0)
AUTH_TIMEOUT = Seconds(10.0)
LIMITS = SocketLimits(total=256, per_user=16, unauthenticated=64)


@dataclass(frozen=True)
class MockDesk:
    """Parts that are started and stopped."""

    simulated_desk: SimulatedDesk
    fault_scheduler: FaultScheduler
    registry: SessionRegistry
    app: HttpApp


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
    """Build all parts of the mock server."""
    publisher = Publisher(interval=INTERVAL, topics=TOPICS)
    simulated_desk = SimulatedDesk(scenario, pictures, publisher.put)
    publisher.on_demand = simulated_desk.set_demand
    broadcaster = FaultyBroadcaster(publisher)
    registry = FaultySessionRegistry(LIMITS)
    logins.on_ended(registry.close_logins)

    tokens = Tokens(
        key,
        desk=desk,
        boot_id=boot_id,
        login_lifetime=LOGIN_LIFETIME,
        websocket_lifetime=lifetime,
        find_login=logins.get,
    )
    endpoint = WebSocketEndpoint(
        verify=registry.wrap_verify(tokens.verify_websocket),
        router=CommandRouter([simulated_desk]),
        broadcaster=broadcaster,
        registry=registry,
        clock=clock,
        policy=SessionPolicy(AUTH_TIMEOUT, warning),
    )
    login_service = LoginService(
        users=users,
        logins=logins,
        tokens=tokens,
        clock=clock,
        address=DeskAddress(desk, tls=tls),
        on_websocket_token=broadcaster.expect,
    )
    table = routes(
        login_service=login_service,
        endpoint=endpoint,
        find_art=simulated_desk.find,
        art_is_public=False,
        pages=pages,
    )
    policy = RequestPolicy.create(allowed_origins=origins)
    app = HttpApp(table, policy, cookie=login_service.cookie.name)
    return MockDesk(
        simulated_desk, FaultScheduler(faults, broadcaster, registry, logins), registry, app
    )
