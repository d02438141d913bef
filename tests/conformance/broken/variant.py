"""Servers that are wrong in one thing each: our own, with one thing changed before it starts.

`breaks(NUMBER)` enters a change into the table; its name says what such a server does. The helpers
below change what goes over the wire, so that they need not know how the server is made.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import pytest
from aiohttp import web

from deskwire.protocol.close_codes import CloseCode
from deskwire.protocol.websocket.serializer import text_frame
from deskwire.server.http.app import HttpApp
from deskwire.server.websocket import broadcaster as fanout
from deskwire.server.websocket.connection import Connection
from deskwire.server.websocket.connection import broadcast as send_to_all

Patch = pytest.MonkeyPatch
Change = Callable[[Patch], None]


class Variant(NamedTuple):
    """One wrong server."""

    clause: str
    """The clause that it violates."""
    change: Change

    @property
    def name(self) -> str:
        return f"{self.clause} {self.change.__name__}"


VARIANTS: list[Variant] = []


def breaks(clause: str) -> Callable[[Change], Change]:
    """Enter a change into the table."""

    def enter(change: Change) -> Change:
        VARIANTS.append(Variant(clause, change))
        return change

    return enter


# ---- over HTTP -----------------------------------------------------------------------------------


def answers(
    patch: Patch, change: Callable[[web.BaseRequest, web.Response], web.Response | None]
) -> None:
    """Change every answer that is no upgrade; `None` leaves it."""
    original = HttpApp.answer

    async def answer(self: HttpApp, request: web.BaseRequest) -> web.StreamResponse:
        response = await original(self, request)
        if isinstance(response, web.Response):
            return change(request, response) or response
        return response

    patch.setattr(HttpApp, "answer", answer)


def statuses(patch: Patch, path: str, was: int, becomes: int) -> None:
    """Answer with another status where the path begins so."""

    def change(request: web.BaseRequest, response: web.Response) -> None:
        if request.path.startswith(path) and response.status == was:
            response.set_status(becomes)

    answers(patch, change)


def bodies(patch: Patch, path: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the JSON of good answers to one path."""

    def changed(request: web.BaseRequest, response: web.Response) -> None:
        if request.path == path and response.status == 200 and isinstance(response.body, bytes):
            body = json.loads(response.body)
            change(body)
            response.body = json.dumps(body).encode()

    answers(patch, changed)


# ---- over the socket -----------------------------------------------------------------------------


def messages(
    patch: Patch, change: Callable[[Connection, str, list[Any]], list[tuple[str, list[Any]]]]
) -> None:
    """Put other messages in the place of each that the server says."""

    def instead_of(connection: Connection, frame: bytes) -> bytes:
        payload = text_of(frame)
        if payload is None:
            return frame
        said = json.loads(payload)
        instead = change(connection, said["event"], said["args"])
        texts = [json.dumps({"event": event, "args": args}) for event, args in instead]
        return b"".join(text_frame(text.encode()) for text in texts)

    original = Connection.send

    def send(self: Connection, frame: bytes) -> None:
        if changed := instead_of(self, frame):
            original(self, changed)

    patch.setattr(Connection, "send", send)
    offers(patch, instead_of)


def offers(patch: Patch, change: Callable[[Connection, bytes], bytes]) -> None:
    """Put other bytes in the place of each stats frame, for each connection; none is no frame."""
    original = send_to_all

    def broadcast(frame: bytes, connections: Iterable[Connection]) -> None:
        for connection in connections:
            if changed := change(connection, frame):
                original(changed, [connection])

    patch.setattr(fanout, "broadcast", broadcast)


def stats(patch: Patch, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the object in every `stats`."""

    def changed(_: Connection, event: str, args: list[Any]) -> list[tuple[str, list[Any]]]:
        if event != "stats":
            return [(event, args)]
        inner = json.loads(args[0])
        change(inner)
        return [(event, [json.dumps(inner)])]

    messages(patch, changed)


def players(patch: Patch, change: Callable[[dict[str, Any]], None]) -> None:
    """Change every player in every `stats`."""

    def changed(inner: dict[str, Any]) -> None:
        for player in inner["audio"]:
            change(player)

    stats(patch, changed)


def errors(patch: Patch, code: str, becomes: str | None) -> None:
    """Say another code in its place, or nothing."""

    def changed(_: Connection, event: str, args: list[Any]) -> list[tuple[str, list[Any]]]:
        if event != "error" or json.loads(args[0])["code"] != code:
            return [(event, args)]
        if becomes is None:
            return []
        return [(event, [json.dumps({"code": becomes, "message": ""})])]

    messages(patch, changed)


def closes(
    patch: Patch, was: int, becomes: int, *, when: Callable[[str], bool] | None = None
) -> None:
    """Close with another code in its place."""
    original = Connection.close

    def close(self: Connection, code: int | None, reason: str = "") -> None:
        if code == was and (when is None or when(reason)):
            code = becomes
        original(self, code if code is None else CloseCode(code), reason)

    patch.setattr(Connection, "close", close)


def text_of(frame: bytes) -> bytes | None:
    """Return the text of a server's frame, or `None` if it is another kind."""
    if frame[0] & 0x0F != 0x1:
        return None
    length, at = frame[1] & 0x7F, 2
    if length == 126:
        at = 4
    elif length == 127:
        at = 10
    return frame[at:]
