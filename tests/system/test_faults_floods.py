"""Floods of connections from one address, while owners log in over slow networks."""

import asyncio
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast
from urllib.parse import urlsplit

import pytest

from tests.support.client import Client
from tests.support.flood import Kind, flood
from tests.support.programs import Daemon
from tests.support.proxy import Proxy
from tests.support.time_scaling import patiently

OWNERS = 20
PAUSE = 0.35
"""Seconds between two owners; a desk hashes one password after another."""
WITHIN = 3.0
RATES: dict[Kind, int] = {"connect": 1500, "upgrade": 300}


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with Daemon() as daemon:
        yield daemon


async def get_in(daemon: Daemon, address: str) -> float:
    """Log in, then open a WebSocket on a new connection; return the seconds of the slower step.

    Without a flood, each has up to six round trips: TCP, two of TLS, a token, the upgrade, `auth`.
    """
    through = SimpleNamespace(
        address=address, fingerprint=daemon.fingerprint, owner_password=daemon.owner_password
    )
    began = time.monotonic()
    async with Client(cast("Daemon", through)) as client:
        assert (await client.login()).status == 200
    logged_in = time.monotonic()
    async with Client(cast("Daemon", through)) as again:
        again.login_token = client.login_token
        async with again.watch():
            return max(time.monotonic() - logged_in, logged_in - began)


@pytest.mark.parametrize("round_trip", [0.02, 0.1, 0.4])
@pytest.mark.parametrize("kind", RATES)
async def test_owner_with_a_slow_network_gets_in_during_a_flood(
    daemon: Daemon, kind: Kind, round_trip: float
) -> None:
    port = urlsplit(daemon.address).port
    assert port is not None
    async with Proxy(daemon.address, round_trip=round_trip) as proxy:
        with flood(kind, port, RATES[kind]) as running:
            closed, began = running.closed, time.monotonic()
            owners = []
            for _ in range(OWNERS):
                owners.append(asyncio.create_task(get_in(daemon, proxy.address)))
                await asyncio.sleep(PAUSE)
            took = await asyncio.gather(*owners)
            rate = (running.closed - closed) / (time.monotonic() - began)

    print(f"{kind} {round_trip * 1000:.0f} ms: {rate:.0f} a second, slowest {max(took):.2f} s")
    assert max(took) < patiently(WITHIN)
    assert rate > 0, "no connection had to make way"
