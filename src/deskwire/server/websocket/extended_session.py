"""Sockets of `deskwire.v1`: topics out, commands in, and an answer to each message with an id.

`WebSocketEndpoint` uses it for a client that offers the subprotocol.
"""

from msgspec import Struct

from deskwire import __version__
from deskwire.core.command_router import CommandRouter
from deskwire.model.access import Grant, Scope
from deskwire.model.problems import Problem, Throttled
from deskwire.model.topics import meaning, schema
from deskwire.model.units import Seconds
from deskwire.protocol.base.server_session import Perform, ServerSession, Subscribe
from deskwire.protocol.extended.codec import (
    CommandInfo,
    DeskInfo,
    Request,
    Result,
    Welcome,
    encode_server_message,
    expiry,
    failure,
)
from deskwire.protocol.extended.server_session import ExtendedSession, Vocabulary
from deskwire.protocol.websocket.serializer import text_frame
from deskwire.server.net.certificates import host_names
from deskwire.server.websocket.connection import Connection
from deskwire.server.websocket.endpoint import SocketSession, WebSocketEndpoint
from deskwire.server.websocket.topic_broadcaster import TopicBroadcaster

MAX_RUNNING = 8
"""Commands of one socket that may run at the same time."""


def describe_commands(router: CommandRouter, scopes: frozenset[Scope]) -> list[CommandInfo]:
    """Return the commands that work on this desk and these scopes allow, sorted by name."""
    return [
        CommandInfo(name, command.scope, meaning(command), schema(command))
        for name, command in sorted(router.commands.items())
        if command.scope in scopes and name in router.offered
    ]


class ExtendedProtocol:
    """What all sockets of `deskwire.v1` share."""

    def __init__(
        self,
        topics: frozenset[str],
        router: CommandRouter,
        broadcaster: TopicBroadcaster,
        desk: str,
    ) -> None:
        """`desk` is the desk's id."""
        self.vocabulary = Vocabulary(topics, router.commands)
        self.broadcaster = broadcaster
        self._router = router
        self._desk = desk

    def open(
        self, endpoint: WebSocketEndpoint, connection: Connection, desk: str, address: str
    ) -> SocketSession:
        """Start the session of a new socket; `desk` is the id in the request's path."""
        return ExtendedSocketSession(self, endpoint, connection, desk, address)

    def welcome(self, grant: Grant, expires_at: str) -> Welcome:
        """Return the first message to a client."""
        sees = Scope.MONITOR in grant.scopes
        return Welcome(
            server=f"deskwire {__version__}",
            desk=DeskInfo(self._desk, host_names()[0]),
            user=grant.user,
            scopes=sorted(grant.scopes),
            expires_at=expires_at,
            topics=sorted(self.vocabulary.topics) if sees else [],
            commands=describe_commands(self._router, grant.scopes),
        )


class ExtendedSocketSession(SocketSession):
    """Feeds an `ExtendedSession` and carries out its effects."""

    def __init__(
        self,
        protocol: ExtendedProtocol,
        endpoint: WebSocketEndpoint,
        connection: Connection,
        desk: str,
        address: str,
    ) -> None:
        self._protocol = protocol
        self._running = 0
        super().__init__(endpoint, connection, desk, address)

    def input_ended(self) -> None:
        """End the subscription too."""
        self._protocol.broadcaster.leave(self._connection)
        super().input_ended()

    def _new_session(self, desk: str) -> ServerSession:
        endpoint = self._endpoint
        return ExtendedSession(
            self.opened,
            verify=lambda token, now: endpoint.verify(token, desk, now),
            policy=endpoint.policy,
            vocabulary=self._protocol.vocabulary,
        )

    def _start(self, grant: Grant) -> None:
        expires_at = expiry(self._endpoint.clock(), grant.deadline)
        self._send(self._protocol.welcome(grant, expires_at))
        self._endpoint.broadcaster.accompany(self._connection)

    def _subscribe(self, wanted: Subscribe) -> None:
        interval = self._protocol.broadcaster.subscribe(
            self._connection, wanted.topics, wanted.interval
        )
        if wanted.id is not None:
            self._send(Result(wanted.id, {"interval": interval}))

    async def _perform(self, effect: Perform) -> None:
        request = effect.request
        assert isinstance(request, Request)
        if self._running >= MAX_RUNNING:
            busy = Throttled(f"{MAX_RUNNING} commands are running already", Seconds(1.0))
            self._send(failure(busy, request))
            return
        self._commands += 1
        self._running += 1
        try:
            await self._endpoint.router.perform(effect.command, effect.grant)
        except Problem as problem:
            self._send(failure(problem, request))
        else:
            if request.id is not None:
                self._send(Result(request.id))
        finally:
            self._running -= 1

    def _encode(self, message: Struct) -> bytes:
        return text_frame(encode_server_message(message))  # type: ignore[arg-type]
