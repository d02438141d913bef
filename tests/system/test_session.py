"""A session from its token to its end, on a desk whose sessions last six seconds.

The story of one token is lived through once, by three sockets; the first tests look at what they
saw.
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
"""Seconds; a token's times are whole seconds, and nothing of it may come earlier than so much."""
LATE = patiently(SLACK)
ALWAYS_THERE = {"memory_bytes", "cpu_absolute", "network", "uptime", "disk_bytes", "audio"}
SETTINGS = {
    "session_lifetime": LIFETIME,
    "session_warning": WARNING,
    "session_auth_timeout": AUTH_TIMEOUT,
}


@pytest.fixture(scope="module", params=[True, False], ids=["tls", "plain"])
def desk(request: pytest.FixtureRequest) -> Iterator[Daemon]:
    with Daemon(settings=SETTINGS, tls=request.param) as desk:
        yield desk


@pytest.fixture
async def client(desk: Daemon) -> AsyncIterator[Client]:
    async with Client(desk) as client:
        yield client


class Close(NamedTuple):
    """How a socket ended."""

    code: int
    reason: str
    after: float
    """Seconds since the token was given."""


class Story(NamedTuple):
    """What two sockets saw that shared one token, and a third that came when it was over."""

    began: float
    """When the token was given, time.monotonic()."""
    frames: list[Frame]
    """Of the newer socket."""
    older: Close
    newer: Close
    late: Close


@pytest.fixture(scope="module")
def story(desk: Daemon) -> Story:
    return asyncio.run(live_through(desk))


async def live_through(desk: Daemon) -> Story:
    """Use one token on a socket, a second later on another, and once more when it is over."""
    async with Client(desk) as client:
        await client.login()
        began = time.monotonic()
        ticket = await client.websocket_token()
        async with client.watch(ticket) as older:
            await older.frame(lambda frame: frame.at > began + 1)
            async with client.watch(ticket) as newer:
                await older.closed()
                await newer.closed(within=LIFETIME + 3)
        async with client.connect(ticket.socket) as late:
            await late.send("auth", ticket.token)
            await late.closed()
        older_end, newer_end, late_end = [
            Close(await screen.closed(), screen.reason, screen.closed_at - began)
            for screen in (older, newer, late)
        ]
        return Story(began, newer.frames, older_end, newer_end, late_end)


def test_expiry_warning_comes_once_with_the_exact_text(story: Story) -> None:
    warnings = [frame for frame in story.frames if frame.event.startswith("session")]

    assert [frame.event for frame in warnings] == ["session expiring"]
    (words,) = warnings[0].args
    assert re.fullmatch(r"\[\d\d:\d\d:\d\d\]: Your Session will expire", words)


def test_expiry_warning_comes_on_time_and_names_the_time(story: Story) -> None:
    warning = next(frame for frame in story.frames if frame.event == "session expiring")

    assert -SLACK <= warning.at - story.began - (LIFETIME - WARNING) <= LATE
    came = time.time() - (time.monotonic() - warning.at)
    said = [came + off for off in range(-math.ceil(LATE), 2)]
    assert warning.args[0][:10] in [time.strftime("[%H:%M:%S]", time.localtime(at)) for at in said]


def test_session_ends_with_its_token(story: Story) -> None:
    assert (story.newer.code, story.newer.reason) == (4004, "token expired")
    assert -SLACK <= story.newer.after - LIFETIME <= LATE
    assert story.frames[-1].at - story.began <= story.newer.after


def test_second_socket_of_a_token_closes_the_first(story: Story) -> None:
    assert story.older.code == 4001
    assert 1 < story.older.after < story.newer.after


def test_expired_token_closes_with_4004(story: Story) -> None:
    assert story.late.code == 4004


def test_session_gets_frames_until_its_end(story: Story) -> None:
    gaps = [later.at - earlier.at for earlier, later in itertools.pairwise(story.frames)]

    assert max(gaps) < patiently(1.5)


async def test_forged_token_closes_with_4001(client: Client) -> None:
    ticket = await client.websocket_token()
    head, body, signature = ticket.token.split(".")
    other = signature.translate(str.maketrans("ABab", "BAba"))

    async with client.connect(ticket.socket) as screen:
        await screen.send("auth", f"{head}.{body}.{other}x")

        assert await screen.closed() == 4001
        assert screen.frames == []


async def test_login_token_closes_with_4001(client: Client) -> None:
    ticket = await client.websocket_token()

    async with client.connect(ticket.socket) as screen:
        await screen.send("auth", client.login_token)

        assert await screen.closed() == 4001
        assert screen.frames == []


async def test_token_on_another_desk_closes_with_4001(client: Client) -> None:
    ticket = await client.websocket_token()
    path = ticket.socket.rsplit("/", 2)[0]

    async with client.connect(f"{path}/{uuid.uuid4()}/ws") as screen:
        await screen.send("auth", ticket.token)

        assert await screen.closed() == 4001


async def test_first_event_other_than_auth_closes_with_4001(client: Client) -> None:
    ticket = await client.websocket_token()

    async with client.connect(ticket.socket) as screen:
        await screen.send("audio-stop", "player1")

        assert await screen.closed() == 4001
        assert screen.frames == []


async def test_socket_without_auth_is_closed_after_the_timeout(client: Client) -> None:
    ticket = await client.websocket_token()
    began = time.monotonic()

    async with client.connect(ticket.socket) as screen:
        assert await screen.closed() == 4001
        assert 0 <= screen.closed_at - began - AUTH_TIMEOUT <= LATE
        assert screen.frames == []


async def test_invalid_token_on_an_authenticated_socket_closes_with_4001(client: Client) -> None:
    async with client.watch() as screen:
        await screen.send("auth", "not a token")

        assert await screen.closed() == 4001


async def test_first_snapshot_comes_at_once_and_is_complete(client: Client) -> None:
    delay, stats = await client.complete_stats(ALWAYS_THERE)

    assert delay < patiently(0.3)
    assert set(stats) >= ALWAYS_THERE
    assert stats["audio"] == []


async def test_invalid_message_gets_an_error_and_the_socket_stays_open(client: Client) -> None:
    async with client.watch() as screen:
        await screen.websocket.send_str("{not json")
        refused = await screen.error()
        before = screen.count
        await screen.send("dance")
        unknown = await screen.error(since=before)

        await screen.stats(since=screen.count)

    assert refused.code == "malformed"
    assert unknown.code == "unknown_event"


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "plain"])
async def test_stopped_daemon_closes_each_socket_with_1001(tls: bool) -> None:
    with Daemon(tls=tls) as desk:
        async with Client(desk) as client:
            ticket = await client.websocket_token()
            with RawSocket(ticket.socket) as never_reads:
                never_reads.send("auth", ticket.token)
                async with client.watch() as one, client.watch() as other:
                    began = time.monotonic()
                    code = await asyncio.to_thread(desk.stop, SIGTERM)
                    took = time.monotonic() - began
                    closes = [await one.closed(), await other.closed()]

                assert closes == [1001, 1001]
                assert never_reads.read_close() == 1001
    assert code == 0
    assert took < patiently(3)
