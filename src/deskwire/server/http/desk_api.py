"""HTTP access to readings and commands, for scripts that keep no connection.

A request for readings subscribes to its topics for as long as the first readings take, so the
devices run no longer than that. Commands have the same scopes, rate and errors as on a socket.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from deskwire.auth.logins import Login
from deskwire.core.command_router import CommandRouter
from deskwire.core.publisher import Publisher, Update
from deskwire.model.access import Grant, LoginId, Scope
from deskwire.model.instant import Clock
from deskwire.model.problems import OutOfScope, Throttled, UnknownCommand, UnknownTopic
from deskwire.model.topics import Demand
from deskwire.model.units import Seconds
from deskwire.protocol.base.server_session import COMMAND_BURST, COMMANDS_PER_SECOND
from deskwire.protocol.extended.codec import CommandInfo, decode_arguments, to_wire
from deskwire.protocol.token_bucket import TokenBucket
from deskwire.server.http.login_service import LoginService
from deskwire.server.http.request_policy import Request, read_json_body
from deskwire.server.websocket.extended_session import describe_commands

READINGS_TIMEOUT = Seconds(2.0)
"""More than the publisher waits for the slowest device."""
MAX_BUCKETS = 1024
"""Logins whose command rate is remembered."""


class ReadingsAnswer(Struct, frozen=True, tag_field="object", tag="readings"):
    """Body of the response with readings, by topic; `null` for absent hardware."""

    data: dict[str, Any]


class CommandsAnswer(Struct, frozen=True, tag_field="object", tag="commands"):
    """Body of the response with the commands of a login."""

    data: list[CommandInfo]


class ResultAnswer(Struct, frozen=True, tag_field="object", tag="result"):
    """Body of the response to a command that was carried out."""

    data: None = None


class DeskApi:
    """Answers `/v1/desk` and `/v1/commands`."""

    def __init__(
        self,
        publisher: Publisher,
        router: CommandRouter,
        login_service: LoginService,
        clock: Clock,
    ) -> None:
        self.commands_by_name = router.commands
        self._publisher = publisher
        self._router = router
        self._login_service = login_service
        self._clock = clock
        self._rates: dict[LoginId, TokenBucket] = {}

    async def readings(self, request: Request) -> ReadingsAnswer:
        """Return the readings of the topics in the query, of all topics without one.

        Raises `TokenRefused`, `OutOfScope` and `UnknownTopic`.
        """
        require_scope(self._login_service.login(request), Scope.MONITOR, "GET /v1/desk")
        topics = self._wanted(request.raw.query.getall("topics", []))
        update: asyncio.Future[Update] = asyncio.get_running_loop().create_future()

        def deliver(newest: Update) -> None:
            if not update.done():
                update.set_result(newest)

        subscription = self._publisher.subscribe(topics, Demand.LIVE, deliver)
        try:
            async with asyncio.timeout(READINGS_TIMEOUT):
                newest = await update
        finally:
            subscription.close()
        now = Seconds(asyncio.get_running_loop().time())
        return ReadingsAnswer(to_wire(newest.readings, now, self._clock().wall))

    async def commands(self, request: Request) -> CommandsAnswer:
        """Return the commands that the login may send; raises `TokenRefused`."""
        login = self._login_service.login(request)
        await self._router.refresh()
        return CommandsAnswer(describe_commands(self._router, login.scopes))

    async def perform(self, request: Request) -> ResultAnswer:
        """Carry out the command of the path with the arguments in the body.

        Raises `TokenRefused`, `UnknownCommand`, `Throttled`, the problems of the body and those of
        the command.
        """
        login = self._login_service.login(request)
        command = self._router.commands.get(request.segment)
        if command is None:
            raise UnknownCommand("unknown command; GET /v1/commands lists all commands")
        require_scope(login, command.scope, command.name)
        arguments = decode_arguments(command, await read_json_body(request.raw))
        self._count(login.id)
        grant = Grant(login.user, login.id, "", login.scopes, Seconds(0.0))
        await self._router.perform(arguments, grant)
        return ResultAnswer()

    def _wanted(self, given: Sequence[str]) -> frozenset[str]:
        topics = frozenset(topic for text in given for topic in text.split(",") if topic)
        for unknown in sorted(topics - self._publisher.topics):
            raise UnknownTopic(f"unknown topic: {unknown[:64]}")
        return topics or self._publisher.topics

    def _count(self, login: LoginId) -> None:
        """Count a command of this login; raises `Throttled`."""
        now = self._clock().boot
        rate = self._rates.pop(login, None) or TokenBucket(COMMANDS_PER_SECOND, COMMAND_BURST)
        self._rates[login] = rate  # the newest is the last
        if len(self._rates) > MAX_BUCKETS:
            del self._rates[next(iter(self._rates))]
        if not rate.take(now):
            raise Throttled("too many commands", Seconds(1.0))


def require_scope(login: Login, scope: Scope, subject: str) -> None:
    """Raise `OutOfScope` if the login lacks the scope."""
    if scope not in login.scopes:
        raise OutOfScope(f"{subject} needs the scope {scope}")
