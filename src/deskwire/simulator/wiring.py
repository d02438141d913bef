"""Wiring of the mock server: the daemon's server with a simulated desk in place of devices.

    simulated desk ──readings──▶ publisher ──values──▶ broadcaster ──frames──▶ clients
    simulated desk ◀──commands── router ◀── endpoint ◀── clients
    faults ──▶ broadcaster, session registry, logins

Clients talk to the same code as in the daemon.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from msgspec import Struct

from deskwire.core.command_router import CommandRouter
from deskwire.core.publisher import Publisher
from deskwire.devices.catalogue import DEVICES, device_class
from deskwire.model.instant import Clock
from deskwire.model.readings import ArtKey
from deskwire.model.units import Seconds
from deskwire.protocol.base.server_session import SessionPolicy
from deskwire.server.http.content import Pages
from deskwire.server.http.login_service import DeskAddress
from deskwire.server.http.request_policy import RequestPolicy
from deskwire.server.websocket.session_registry import SocketLimits
from deskwire.server.wiring import (
    Accounts,
    Content,
    DeskServer,
    Lifetimes,
    ServerPolicy,
    build_server,
)
from deskwire.simulator.faults import (
    Fault,
    FaultScheduler,
    FaultyBroadcaster,
    FaultySessionRegistry,
)
from deskwire.simulator.scenario import Scenario
from deskwire.simulator.simulated_desk import INTERVAL, SimulatedDesk

TOPICS = [device_class(name).topic for name in DEVICES]
"""Topics of the simulated desk: those of a real one."""

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
    server: DeskServer


class MockPolicy(Struct, frozen=True):
    """Settings of a mock server."""

    tls: bool = False
    lifetime: Seconds = LIFETIME
    warning: Seconds = WARNING
    origins: tuple[str, ...] = ()


def wire(
    scenario: Scenario,
    pictures: Mapping[ArtKey, bytes],
    faults: Iterable[Fault],
    accounts: Accounts,
    policy: MockPolicy,
    *,
    pages: Pages,
    clock: Clock,
) -> MockDesk:
    """Connect all parts of the mock server."""
    publisher = Publisher(interval=INTERVAL, topics=TOPICS)
    simulated_desk = SimulatedDesk(scenario, pictures, publisher.put)
    publisher.on_demand = simulated_desk.set_demand
    broadcaster = FaultyBroadcaster(publisher)
    registry = FaultySessionRegistry(LIMITS)
    server = build_server(
        accounts,
        Lifetimes(LOGIN_LIFETIME, policy.lifetime),
        ServerPolicy(
            address=DeskAddress(accounts.desk_id, tls=policy.tls),
            requests=RequestPolicy.create(tls=policy.tls, allowed_origins=policy.origins),
            session=SessionPolicy(AUTH_TIMEOUT, policy.warning),
            sockets=LIMITS,
        ),
        Content(simulated_desk.find, pages),
        publisher=publisher,
        broadcaster=broadcaster,
        registry=registry,
        router=CommandRouter([simulated_desk]),
        clock=clock,
    )
    server.endpoint.verify = registry.wrap_verify(server.endpoint.verify)
    scheduler = FaultScheduler(faults, broadcaster, registry, accounts.logins)
    return MockDesk(simulated_desk, scheduler, server)
