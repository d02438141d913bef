"""Sessions from the token to the end, with a daemon whose sessions last six seconds.

Three sockets use one token, once for the whole module. The first tests check their recording.
"""

import asyncio
import itertools
import math
import re
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from signal import SIGTERM
from typing import NamedTuple

import pytest

from tests.support.client import Client, Frame
from tests.support.programs import Daemon
from tests.support.raw_socket import RawSocket
from tests.support.time_scaling import patiently

LIFETIME = 6.0
WARNING = 2.0
AUTH_TIMEOUT = 3.0
SLACK = 0.8
"""Seconds by which an event may be early, because the times of a token are whole seconds."""
LATE = patiently(SLACK)
ALWAYS_PRESENT = {"memory_bytes", "cpu_absolute", "network", "uptime", "disk_bytes", "audio"}
SETTINGS = {
    "session_lifetime": LIFETIME,
    "session_warning": WARNING,
    "session_auth_timeout": AUTH_TIMEOUT,
}


@pytest.fixture(scope="module", params=[True, False], ids=["tls", "plain"])
def daemon(request: pytest.FixtureRequest) -> Iterator[Daemon]:
    with Daemon(settings=SETTINGS, tls=request.param) as daemon:
        yield daemon


@pytest.fixture
async def client(daemon: Daemon) -> AsyncIterator[Client]:
    async with Client(daemon) as client:
        yield client


class Close(NamedTuple):
    """The close of a socket."""

    code: int
    reason: str
    after: float
    """Seconds since the token was requested."""


class Recording(NamedTuple):
    """Two sockets of one token, and a third one after its expiry."""

    began: float
    """Request of the token, time.monotonic()."""
    frames: list[Frame]
    """Frames of the newer socket."""
    older: Close
    newer: Close
    late: Close


@pytest.fixture(scope="module")
def recording(daemon: Daemon) -> Recording:
    return asyncio.run(record(daemon))


async def record(daemon: Daemon) -> Recording:
    """Use one token on a socket, a second later on another, and again after its expiry."""
    async with Client(daemon) as client:
        await client.login()
        began = time.monotonic()
        token = await client.websocket_token()
        async with client.watch(token) as older:
            await older.frame(lambda frame: frame.at > began + 1)
            async with client.watch(token) as newer:
                await older.closed()
                await newer.closed(within=LIFETIME + 3)
        async with client.connect(token.socket) as late:
            await late.send("auth", token.token)
            await late.closed()
        older_end, newer_end, late_end = [
            Close(await socket.closed(), socket.reason, socket.closed_at - began)
            for socket in (older, newer, late)
        ]
        return Recording(began, newer.frames, older_end, newer_end, late_end)


def test_expiry_warning_comes_once_with_the_exact_text(recording: Recording) -> None:
    warnings = [frame for frame in recording.frames if frame.event.startswith("session")]

    assert [frame.event for frame in warnings] == ["session expiring"]
    (words,) = warnings[0].args
    assert re.fullmatch(r"\[\d\d:\d\d:\d\d\]: Your Session will expire", words)


def test_expiry_warning_comes_on_time_and_names_the_time(recording: Recording) -> None:
    warning = next(frame for frame in recording.frames if frame.event == "session expiring")

    assert -SLACK <= warning.at - recording.began - (LIFETIME - WARNING) <= LATE
    arrival = time.time() - (time.monotonic() - warning.at)
    allowed = [arrival + offset for offset in range(-math.ceil(LATE), 2)]
    assert warning.args[0][:10] in [
        time.strftime("[%H:%M:%S]", time.localtime(at)) for at in allowed
    ]


def test_session_ends_with_its_token(recording: Recording) -> None:
    assert (recording.newer.code, recording.newer.reason) == (4004, "token expired")
    assert -SLACK <= recording.newer.after - LIFETIME <= LATE
    assert recording.frames[-1].at - recording.began <= recording.newer.after


def test_second_socket_of_a_token_closes_the_first(recording: Recording) -> None:
    assert recording.older.code == 4001
    assert 1 < recording.older.after < recording.newer.after


def test_expired_token_closes_with_4004(recording: Recording) -> None:
    assert recording.late.code == 4004


def test_session_gets_frames_until_its_end(recording: Recording) -> None:
    gaps = [later.at - earlier.at for earlier, later in itertools.pairwise(recording.frames)]

    assert max(gaps) < patiently(1.5)


async def test_forged_token_closes_with_4001(client: Client) -> None:
    token = await client.websocket_token()
    head, body, signature = token.token.split(".")
    other = signature.translate(str.maketrans("ABab", "BAba"))

    async with client.connect(token.socket) as socket:
        await socket.send("auth", f"{head}.{body}.{other}x")

        assert await socket.closed() == 4001
        assert socket.frames == []


async def test_login_token_closes_with_4001(client: Client) -> None:
    token = await client.websocket_token()

    async with client.connect(token.socket) as socket:
        await socket.send("auth", client.login_token)

        assert await socket.closed() == 4001
        assert socket.frames == []


async def test_token_on_another_desk_closes_with_4001(client: Client) -> None:
    token = await client.websocket_token()
    path = token.socket.rsplit("/", 2)[0]

    async with client.connect(f"{path}/{uuid.uuid4()}/ws") as socket:
        await socket.send("auth", token.token)

        assert await socket.closed() == 4001


async def test_first_event_other_than_auth_closes_with_4001(client: Client) -> None:
    token = await client.websocket_token()

    async with client.connect(token.socket) as socket:
        await socket.send("audio-stop", "player1")

        assert await socket.closed() == 4001
        assert socket.frames == []


async def test_socket_without_auth_is_closed_after_the_timeout(client: Client) -> None:
    token = await client.websocket_token()
    began = time.monotonic()

    async with client.connect(token.socket) as socket:
        assert await socket.closed() == 4001
        assert 0 <= socket.closed_at - began - AUTH_TIMEOUT <= LATE
        assert socket.frames == []


async def test_invalid_token_on_an_authenticated_socket_closes_with_4001(client: Client) -> None:
    async with client.watch() as socket:
        await socket.send("auth", "not a token")

        assert await socket.closed() == 4001


async def test_first_snapshot_comes_at_once_and_is_complete(client: Client) -> None:
    delay, stats = await client.complete_stats(ALWAYS_PRESENT)

    assert delay < patiently(0.3)
    assert set(stats) >= ALWAYS_PRESENT
    assert stats["audio"] == []


async def test_invalid_message_gets_an_error_and_the_socket_stays_open(client: Client) -> None:
    async with client.watch() as socket:
        await socket.websocket.send_str("{not json")
        refused = await socket.error()
        before = socket.count
        await socket.send("dance")
        unknown = await socket.error(since=before)

        await socket.stats(since=socket.count)

    assert refused.code == "malformed"
    assert unknown.code == "unknown_event"


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "plain"])
async def test_stopped_daemon_closes_each_socket_with_1001(tls: bool) -> None:
    with Daemon(tls=tls) as daemon:
        async with Client(daemon) as client:
            token = await client.websocket_token()
            with RawSocket(token.socket) as never_reads:
                never_reads.send("auth", token.token)
                async with client.watch() as one, client.watch() as other:
                    began = time.monotonic()
                    code = await asyncio.to_thread(daemon.stop, SIGTERM)
                    took = time.monotonic() - began
                    closes = [await one.closed(), await other.closed()]

                assert closes == [1001, 1001]
                assert never_reads.read_close() == 1001
    assert code == 0
    assert took < patiently(3)
