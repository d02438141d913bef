"""Wrong when a socket opens."""

import asyncio
import re
from typing import Any

import msgspec
from aiohttp import web

from deskwire.auth.tokens import Tokens
from deskwire.model.access import Grant
from deskwire.model.instant import Instant
from deskwire.model.problems import TokenRefused
from deskwire.model.units import Seconds
from deskwire.protocol.base.server_session import Effect, ServerSession
from deskwire.protocol.websocket.serializer import text_frame
from deskwire.server.http.problems import NotFound
from deskwire.server.http.request_policy import RequestPolicy
from deskwire.server.websocket import websocket_protocol
from deskwire.server.websocket.broadcaster import Broadcaster
from deskwire.server.websocket.connection import Connection
from deskwire.server.websocket.endpoint import WebSocketEndpoint
from deskwire.server.websocket.session_registry import SessionRegistry
from deskwire.simulator import wiring
from tests.conformance.broken.variant import Patch, breaks, closes, statuses


@breaks("3.1")
def selects_a_subprotocol_not_offered(patch: Patch) -> None:
    original = websocket_protocol.handshake_response

    def handshake_response(key: str) -> bytes:
        return original(key).replace(b"Server:", b"Sec-WebSocket-Protocol: mine\r\nServer:")

    patch.setattr(websocket_protocol, "handshake_response", handshake_response)


@breaks("3.2")
def greets(patch: Patch) -> None:
    original = SessionRegistry.add

    def add(self: SessionRegistry, socket: Any, address: str) -> None:
        original(self, socket, address)
        socket._connection.send(text_frame(b'{"event":"hello","args":[]}'))

    patch.setattr(SessionRegistry, "add", add)


@breaks("3.3")
def takes_a_second_to_say_the_first(patch: Patch) -> None:
    original = Broadcaster.join

    def join(self: Broadcaster, connection: Connection) -> None:
        asyncio.get_running_loop().call_later(0.9, original, self, connection)

    patch.setattr(Broadcaster, "join", join)


@breaks("3.4")
def says_1002_to_a_command_before_auth(patch: Patch) -> None:
    closes(patch, 4001, 1002, when=lambda reason: reason == "the first message must be auth")


@breaks("3.5")
def waits_for_a_better_auth(patch: Patch) -> None:
    original = ServerSession._authenticate

    def first(self: ServerSession, text: str, now: Instant) -> list[Effect]:
        return [] if '"args": []' in text else original(self, text, now)

    patch.setattr(ServerSession, "_authenticate", first)


@breaks("3.7")
def takes_a_login_token_on_the_socket(patch: Patch) -> None:
    original = Tokens.verify_websocket

    def verify_websocket(self: Tokens, token: str, desk: str, now: Instant) -> Grant:
        try:
            return original(self, token, desk, now)
        except TokenRefused:
            login = self._find_login(self.verify_login(token, now))
            assert login is not None
            return Grant("owner", login.id, token, login.scopes, Seconds(now.boot + 60))

    patch.setattr(Tokens, "verify_websocket", verify_websocket)


@breaks("3.8")
def takes_a_token_at_any_desk(patch: Patch) -> None:
    original = Tokens.verify_websocket

    def verify_websocket(self: Tokens, token: str, _: str, now: Instant) -> Grant:
        return original(self, token, self._desk, now)

    patch.setattr(Tokens, "verify_websocket", verify_websocket)


@breaks("3.9")
def upgrades_only_at_a_uuid(patch: Patch) -> None:
    original = WebSocketEndpoint.open

    async def open_socket(
        self: WebSocketEndpoint, request: web.BaseRequest, desk: str, address: str
    ) -> web.StreamResponse:
        if not re.fullmatch(r"[0-9a-f-]{36}", desk):
            raise NotFound("no such desk")
        return await original(self, request, desk, address)

    patch.setattr(WebSocketEndpoint, "open", open_socket)


@breaks("3.10")
def waits_half_a_minute_for_auth(patch: Patch) -> None:
    patch.setattr(wiring, "AUTH_TIMEOUT", Seconds(30))


@breaks("3.11")
def lets_any_page_ask(patch: Patch) -> None:
    patch.setattr(RequestPolicy, "_check_origin", lambda *_: None)


@breaks("3.12")
def answers_to_any_name(patch: Patch) -> None:
    def host(_: RequestPolicy, request: web.BaseRequest) -> str:
        return request.headers["Host"]

    patch.setattr(RequestPolicy, "_host", host)


@breaks("3.13")
def upgrades_any_version(patch: Patch) -> None:
    original = WebSocketEndpoint.open

    async def open_socket(
        self: WebSocketEndpoint, request: web.BaseRequest, desk: str, address: str
    ) -> web.StreamResponse:
        headers = request.headers.copy()
        headers["Sec-WebSocket-Version"] = "13"
        return await original(self, request.clone(headers=headers), desk, address)

    patch.setattr(WebSocketEndpoint, "open", open_socket)


@breaks("3.14")
def has_a_page_at_the_sockets_address(patch: Patch) -> None:
    statuses(patch, "/v1/monitor/", 426, 200)


@breaks("4.13")
def takes_a_token_once(patch: Patch) -> None:
    original = Tokens.verify_websocket
    used: set[str] = set()

    def verify_websocket(self: Tokens, token: str, desk: str, now: Instant) -> Grant:
        if token in used:
            raise TokenRefused("used")
        used.add(token)
        return original(self, token, desk, now)

    patch.setattr(Tokens, "verify_websocket", verify_websocket)


@breaks("9.7")
def lengthens_a_session_by_reconnecting(patch: Patch) -> None:
    original = Tokens.verify_websocket

    def verify_websocket(self: Tokens, token: str, desk: str, now: Instant) -> Grant:
        grant = original(self, token, desk, now)
        deadline = Seconds(now.boot + self._websocket_lifetime)
        return msgspec.structs.replace(grant, deadline=deadline)

    patch.setattr(Tokens, "verify_websocket", verify_websocket)


@breaks("9.10")
def refuses_a_new_session_after_the_end(patch: Patch) -> None:
    original, close = Tokens.verify_websocket, Connection.close
    ended: list[int | None] = []

    def verify_websocket(self: Tokens, token: str, desk: str, now: Instant) -> Grant:
        if 4004 in ended:
            raise TokenRefused("no more")
        return original(self, token, desk, now)

    def note(self: Connection, code: int | None, reason: str = "") -> None:
        ended.append(code)
        close(self, code, reason)

    patch.setattr(Tokens, "verify_websocket", verify_websocket)
    patch.setattr(Connection, "close", note)
