"""Wiring of the server, shared by the daemon and the mock server.

    publisher ──values──▶ broadcaster ──frames──▶ clients
    router ◀──commands── endpoint ◀──messages── clients
    logins that end ──▶ session registry ──▶ sockets that close

`build_server` connects these parts. Its caller provides the core and the accounts.
"""

import asyncio
import hmac
from dataclasses import dataclass

from msgspec import Struct

from deskwire.auth.logins import Logins
from deskwire.auth.passwords import Passwords
from deskwire.auth.state_directory import StateDirectory
from deskwire.auth.tokens import Tokens
from deskwire.auth.users import Users
from deskwire.core.command_router import CommandRouter
from deskwire.core.publisher import Publisher
from deskwire.model.instant import Clock
from deskwire.model.units import Seconds
from deskwire.protocol.base.server_session import SessionPolicy
from deskwire.protocol.extended.codec import SUBPROTOCOL
from deskwire.server.http.app import HttpApp
from deskwire.server.http.content import FindArt, Pages
from deskwire.server.http.desk_api import DeskApi
from deskwire.server.http.login_service import DeskAddress, LoginService
from deskwire.server.http.request_policy import RequestPolicy
from deskwire.server.http.routes import routes
from deskwire.server.websocket.broadcaster import Broadcaster
from deskwire.server.websocket.endpoint import WebSocketEndpoint
from deskwire.server.websocket.extended_session import ExtendedProtocol
from deskwire.server.websocket.session_registry import SessionRegistry, SocketLimits
from deskwire.server.websocket.topic_broadcaster import TopicBroadcaster

KEY_BYTES = 32


@dataclass(frozen=True)
class Accounts:
    """Users, logins and identity of a desk, from its state directory."""

    users: Users
    logins: Logins
    key: bytes
    """Signing key of the tokens."""
    desk_id: str
    boot_id: str


class Lifetimes(Struct, frozen=True):
    """Lifetimes of new tokens."""

    login: Seconds
    websocket: Seconds


class ServerPolicy(Struct, frozen=True):
    """Settings that may change while the server runs."""

    address: DeskAddress
    requests: RequestPolicy
    session: SessionPolicy
    sockets: SocketLimits


class Content(Struct, frozen=True):
    """Pictures and pages that the server offers."""

    find_art: FindArt
    pages: Pages
    art_is_public: bool = False


@dataclass(frozen=True)
class DeskServer:
    """The parts of a server that are started, reconfigured and stopped."""

    app: HttpApp
    login_service: LoginService
    endpoint: WebSocketEndpoint
    registry: SessionRegistry

    def reconfigure(self, policy: ServerPolicy) -> None:
        """Apply another policy as a whole."""
        self.login_service.reconfigure(policy.address)
        self.app.reconfigure(policy.requests, cookie=self.login_service.cookie_name)
        self.endpoint.reconfigure(policy.session)
        self.registry.reconfigure(policy.sockets)

    def flush_logs(self) -> None:
        """Write the summaries of suppressed log lines."""
        self.login_service.flush_log()
        self.endpoint.flush_log()


async def open_accounts(
    state: StateDirectory, passwords: Passwords, login_lifetime: Seconds
) -> Accounts:
    """Load the accounts from a state directory; raises `StateUnavailable`."""
    logins = Logins(state, login_lifetime)
    await logins.refresh()
    return Accounts(
        users=Users(state, passwords),
        logins=logins,
        key=await asyncio.to_thread(state.secret, "signing", KEY_BYTES),
        desk_id=await asyncio.to_thread(state.desk_id),
        boot_id=state.boot_id,
    )


def build_server(
    accounts: Accounts,
    lifetimes: Lifetimes,
    policy: ServerPolicy,
    content: Content,
    *,
    publisher: Publisher,
    broadcaster: Broadcaster,
    registry: SessionRegistry,
    router: CommandRouter,
    clock: Clock,
) -> DeskServer:
    """Connect the parts of a server."""
    tokens = Tokens(
        accounts.key,
        desk=accounts.desk_id,
        boot_id=accounts.boot_id,
        login_lifetime=lifetimes.login,
        websocket_lifetime=lifetimes.websocket,
        find_login=accounts.logins.get,
    )
    accounts.logins.on_ended(registry.close_logins)
    endpoint = WebSocketEndpoint(
        verify=tokens.verify_websocket,
        router=router,
        broadcaster=broadcaster,
        registry=registry,
        clock=clock,
        policy=policy.session,
        subprotocols={
            SUBPROTOCOL: ExtendedProtocol(
                publisher.topics, router, TopicBroadcaster(publisher, clock), accounts.desk_id
            ).open
        },
    )
    login_service = LoginService(
        users=accounts.users,
        logins=accounts.logins,
        tokens=tokens,
        clock=clock,
        address=policy.address,
        instance=hmac.digest(accounts.key, b"instance", "sha256")[:4].hex(),
        on_websocket_token=broadcaster.expect,
    )
    table = routes(
        login_service=login_service,
        endpoint=endpoint,
        desk_api=DeskApi(publisher, router, login_service, clock),
        find_art=content.find_art,
        art_is_public=content.art_is_public,
        pages=content.pages,
    )
    app = HttpApp(table, policy.requests, cookie=login_service.cookie_name)
    return DeskServer(app, login_service, endpoint, registry)
