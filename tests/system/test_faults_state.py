"""State of the daemon after a kill at any moment, and on a full disk."""

import asyncio
import random
import sqlite3
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL

import aiohttp
import pytest

from tests.support.client import Client, bearer
from tests.support.programs import Daemon
from tests.support.time_scaling import patiently
from tests.support.waiting import until_async

ROUNDS = 20
STARTS_WITHIN = 2.0
BUSY_CLIENTS = 4
"""Clients that log in and out at once."""


class Ledger:
    """Login tokens by the state that the daemon has confirmed."""

    def __init__(self) -> None:
        self.valid: set[str] = set()
        self.ended: set[str] = set()

    def __len__(self) -> int:
        return len(self.valid) + len(self.ended)

    async def keep_busy(self, daemon: Daemon, dice: random.Random) -> None:
        """Log in and out until the daemon is killed."""
        async with Client(daemon) as client:
            with suppress(aiohttp.ClientError, ConnectionError):
                while True:
                    assert (await client.login()).status == 200
                    token = client.login_token
                    self.valid.add(token)
                    if dice.random() < 0.5:
                        self.valid.discard(token)  # until the response, both states are right
                        assert (await client.logout()).status == 204
                        self.ended.add(token)

    async def wait_for_more(self, more: int) -> None:
        """Wait until this many more tokens are confirmed."""
        enough = len(self) + more
        await until_async(lambda: len(self) >= enough, within=15)

    async def check(self, daemon: Daemon) -> None:
        """Check all tokens against the daemon."""
        async with Client(daemon) as client:
            for tokens, status in ((self.valid, 200), (self.ended, 401)):
                for token in tokens:
                    answer = await client.request("GET", "/v1/websocket", headers=bearer(token))
                    assert answer.status == status


async def test_daemon_killed_twenty_times_under_load_loses_no_login() -> None:
    dice = random.Random(9)
    ledger, took = Ledger(), []
    with Daemon() as daemon:
        for _ in range(ROUNDS):
            async with Client(daemon) as client:
                assert (await client.login()).status == 200
                async with client.authenticated():
                    busy = [
                        asyncio.create_task(ledger.keep_busy(daemon, dice))
                        for _ in range(BUSY_CLIENTS)
                    ]
                    await ledger.wait_for_more(dice.randint(1, 8))
                    await asyncio.sleep(dice.uniform(0, 0.05))
                    daemon.stop(SIGKILL)
                    await asyncio.gather(*busy)
            began = time.monotonic()
            daemon.start()
            took.append(time.monotonic() - began)
            await ledger.check(daemon)
        daemon.stop()
        with sqlite3.connect(daemon.state_dir / "state.db") as database:
            integrity = database.execute("PRAGMA integrity_check").fetchone()
        database.close()

    assert len(ledger.valid) >= ROUNDS / 2
    assert len(ledger.ended) >= ROUNDS / 2
    assert integrity == ("ok",)
    assert statistics.median(took) < patiently(STARTS_WITHIN), took


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Lend a file system of 256 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", "size=256k,mode=700"]
    subprocess.run(["mount", *options, "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def fill(disk: Path) -> Path:
    """Fill a disk to the last byte; return the file."""
    filler = disk / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(b"0" * 4096):
            pass
    return filler


async def test_full_disk_is_logged_once_and_does_not_stop_the_stream(small_disk: Path) -> None:
    with Daemon(state_dir=small_disk / "state") as daemon:
        async with Client(daemon) as client, client.watch() as socket:
            filler = fill(small_disk)
            since = socket.count
            refused = None
            async with asyncio.timeout(patiently(30)):
                while refused is None or len(refused) < 3:
                    answer = await client.login()
                    if answer.status != 200:
                        refused = [*(refused or []), (answer.status, answer.code)]
            again = await client.websocket_token()
            await socket.frame(lambda frame: frame.event == "stats", since=since + 2)
            async with client.watch(again):
                filler.unlink()
                assert (await client.login()).status == 200
        full = [line for line in daemon.log.splitlines() if "disk is full" in line]
        restored = [line for line in daemon.log.splitlines() if "written again" in line]

    assert refused == [(503, "state_unavailable")] * 3
    assert len(full) == 1, full
    assert len(restored) == 1
