"""Wrong in `deskwire.v1`."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct

from deskwire.core.command_router import CommandRouter
from deskwire.model.access import Grant
from deskwire.model.commands import Command
from deskwire.model.units import Seconds
from deskwire.protocol.base.server_session import Effect, Subscribe
from deskwire.protocol.extended import codec
from deskwire.protocol.extended.server_session import ExtendedSession
from deskwire.server.websocket import endpoint, extended_session, topic_broadcaster
from deskwire.server.websocket.connection import Connection
from deskwire.server.websocket.extended_session import ExtendedSocketSession
from deskwire.server.websocket.topic_broadcaster import Group, TopicBroadcaster
from tests.conformance.broken.variant import Patch, bodies, breaks, statuses


@breaks("11.1")
def chooses_what_was_not_offered(patch: Patch) -> None:
    patch.setattr(endpoint, "offered_subprotocols", lambda _: [codec.SUBPROTOCOL])


@breaks("11.2")
def has_no_end_in_welcome(patch: Patch) -> None:
    says(patch, "welcome", lambda message: message["args"][0].pop("expires_at"))


@breaks("11.3")
def does_not_describe_arguments(patch: Patch) -> None:
    says(patch, "welcome", lambda message: message["args"][0]["commands"][-1].pop("arguments"))


@breaks("11.4")
def subscribes_by_itself(patch: Patch) -> None:
    original = ExtendedSocketSession._start

    def start(self: ExtendedSocketSession, grant: Grant) -> None:
        original(self, grant)
        self._subscribe(Subscribe(("cpu",), Seconds(1)))

    patch.setattr(ExtendedSocketSession, "_start", start)


@breaks("11.5")
def leaves_out_a_topic(patch: Patch) -> None:
    says(patch, "readings", lambda message: message["args"][0].pop("wifi", None))


@breaks("11.6")
def repeats_what_did_not_change(patch: Patch) -> None:
    original = Group._write

    def write(
        self: Group, update: Any, changed: set[str], connections: Iterable[Connection]
    ) -> None:
        original(self, update, changed | set(self._subscription.topics), connections)

    patch.setattr(Group, "_write", write)


@breaks("11.7")
def hurries(patch: Patch) -> None:
    original = Group.__init__

    def create(self: Group, publisher: Any, wish: Any, clock: Any) -> None:
        original(self, publisher, wish, clock)
        self._paced = frozenset()

    patch.setattr(Group, "__init__", create)


@breaks("11.8")
def never_ends_a_subscription(patch: Patch) -> None:
    original = TopicBroadcaster.subscribe

    def subscribe(
        self: TopicBroadcaster, connection: Connection, topics: tuple[str, ...], interval: Seconds
    ) -> Seconds:
        return original(self, connection, topics, interval) if topics else interval

    patch.setattr(TopicBroadcaster, "subscribe", subscribe)


@breaks("11.9")
def calls_a_topic_malformed(patch: Patch) -> None:
    failures(patch, "unknown_topic", "malformed")


@breaks("11.10")
def answers_without_the_id(patch: Patch) -> None:
    says(patch, "result", lambda message: message.pop("id"))


@breaks("11.11")
def does_not_name_the_event(patch: Patch) -> None:
    says(patch, "error", lambda message: message["args"][0].pop("event"))


@breaks("11.12")
def does_not_know_the_base_commands(patch: Patch) -> None:
    patch.setattr(codec, "COMMANDS", {})


@breaks("11.13")
def has_another_code_for_wrong_arguments(patch: Patch) -> None:
    failures(patch, "malformed", "bad_request")


@breaks("11.14")
def lets_watchers_send_commands(patch: Patch) -> None:
    async def perform(self: CommandRouter, command: Command, _: Grant) -> None:
        await self._devices[type(command)].perform(command)

    patch.setattr(CommandRouter, "perform", perform)


@breaks("11.15")
def drops_what_is_too_much(patch: Patch) -> None:
    def drop(*_: object) -> list[Effect]:
        return []

    patch.setattr(ExtendedSession, "_drop", drop)


@breaks("11.16")
def warns_without_the_end(patch: Patch) -> None:
    says(patch, "session expiring", lambda message: message["args"].pop())


@breaks("11.17")
def answers_all_readings(patch: Patch) -> None:
    bodies(patch, "/v1/desk", lambda body: body["data"].update(moon=None))


@breaks("11.18")
def hides_a_command(patch: Patch) -> None:
    bodies(patch, "/v1/commands", lambda body: body["data"].pop())


@breaks("11.19")
def has_one_status_for_every_error(patch: Patch) -> None:
    statuses(patch, "/v1/commands/", 404, 400)


def says(patch: Patch, event: str, change: Callable[[dict[str, Any]], object]) -> None:
    """Change every message of one event."""

    def changed(text: bytes) -> bytes:
        message = json.loads(text)
        if message["event"] == event:
            change(message)
        return json.dumps(message).encode()

    def encode_message(message: Struct) -> bytes:
        return changed(codec.encode_server_message(message))  # type: ignore[arg-type]

    def encode_readings(*given: Any) -> bytes:
        return changed(codec.encode_readings(*given))

    patch.setattr(extended_session, "encode_server_message", encode_message)
    patch.setattr(topic_broadcaster, "encode_readings", encode_readings)


def failures(patch: Patch, code: str, becomes: str) -> None:
    """Say another code in its place."""

    def change(message: dict[str, Any]) -> None:
        if message["args"][0]["code"] == code:
            message["args"][0]["code"] = becomes

    says(patch, "error", change)
