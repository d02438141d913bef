"""What is kept outlives a kill at any moment, and a full disk stops nothing but writing."""

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
BUSY = 4
"""How many log in and out at once."""


class Ledger:
    """What the desk has answered for."""

    def __init__(self) -> None:
        self.living: set[str] = set()
        self.ended: set[str] = set()

    def __len__(self) -> int:
        return len(self.living) + len(self.ended)

    async def keep_busy(self, desk: Daemon, dice: random.Random) -> None:
        """Log in and out, and watch in between, until the desk is killed."""
        async with Client(desk) as client:
            with suppress(aiohttp.ClientError, ConnectionError):
                while True:
                    assert (await client.login()).status == 200
                    token = client.login_token
                    self.living.add(token)
                    if dice.random() < 0.5:
                        self.living.discard(token)  # until it is answered it may be either
                        answer = await client.request("POST", "/v1/logout", headers=bearer(token))
                        assert answer.status == 204
                        self.ended.add(token)

    async def grown_by(self, more: int) -> None:
        """Wait until so many more were answered for."""
        enough = len(self) + more
        await until_async(lambda: len(self) >= enough, within=15)

    async def check(self, desk: Daemon) -> None:
        """Ask the desk about all of them."""
        async with Client(desk) as client:
            for tokens, status in ((self.living, 200), (self.ended, 401)):
                for token in tokens:
                    answer = await client.request("GET", "/v1/websocket", headers=bearer(token))
                    assert answer.status == status


async def test_daemon_killed_twenty_times_under_load_loses_no_login() -> None:
    dice = random.Random(9)
    ledger, took = Ledger(), []
    with Daemon() as desk:
        for _ in range(ROUNDS):
            async with Client(desk) as client:
                assert (await client.login()).status == 200
                ticket = await client.websocket_token()
                async with client.connect(ticket.socket) as screen:
                    await screen.send("auth", ticket.token)
                    busy = [asyncio.create_task(ledger.keep_busy(desk, dice)) for _ in range(BUSY)]
                    await ledger.grown_by(dice.randint(1, 8))
                    await asyncio.sleep(dice.uniform(0, 0.05))
                    desk.stop(SIGKILL)
                    await asyncio.gather(*busy)
            began = time.monotonic()
            desk.start()
            took.append(time.monotonic() - began)
            await ledger.check(desk)
        desk.stop()
        with sqlite3.connect(desk.state_dir / "state.db") as kept:
            health = kept.execute("PRAGMA integrity_check").fetchone()
        kept.close()

    assert len(ledger.living) >= ROUNDS / 2
    assert len(ledger.ended) >= ROUNDS / 2
    assert health == ("ok",)
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
    """Leave not one byte free; return the file that takes it all."""
    filler = disk / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(b"0" * 4096):
            pass
    return filler


async def test_full_disk_is_logged_once_and_does_not_stop_the_stream(small_disk: Path) -> None:
    with Daemon(state_dir=small_disk / "state") as desk:
        async with Client(desk) as client, client.watch() as screen:
            filler = fill(small_disk)
            since = screen.count
            refused = None
            async with asyncio.timeout(patiently(30)):
                while refused is None or len(refused) < 3:
                    answer = await client.login()
                    if answer.status != 200:
                        refused = [*(refused or []), (answer.status, answer.code)]
            again = await client.websocket_token()
            await screen.frame(lambda frame: frame.event == "stats", since=since + 2)
            async with client.watch(again):
                filler.unlink()
                assert (await client.login()).status == 200
        told = [line for line in desk.log.splitlines() if "disk is full" in line]
        back = [line for line in desk.log.splitlines() if "written again" in line]

    assert refused == [(503, "state_unavailable")] * 3
    assert len(told) == 1, told
    assert len(back) == 1
