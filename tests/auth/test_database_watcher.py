import asyncio
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import pytest

from deskwire.auth.database_watcher import changes
from deskwire.model.problems import StateUnavailable
from tests.support.time_scaling import patiently


async def follow(folder: Path) -> AsyncGenerator[None]:
    """Follow `state.db`, the watch standing already."""
    following = changes(folder, "state.db")
    await anext(following)
    return following


async def test_a_touch_is_a_change(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    file.touch()

    async with aclosing(await follow(tmp_path)) as following:
        file.touch()
        await asyncio.wait_for(anext(following), patiently(5.0))


async def test_a_process_that_dies_with_the_file_open_is_a_change(tmp_path: Path) -> None:
    code = "import os, sys; open(sys.argv[1], 'a').write('x'); os.kill(os.getpid(), 9)"

    async with aclosing(await follow(tmp_path)) as following:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, tmp_path / "state.db-wal"
        )
        assert await process.wait() == -signal.SIGKILL
        await asyncio.wait_for(anext(following), patiently(5.0))


@pytest.mark.warped
async def test_what_came_meanwhile_is_one_change_and_other_files_are_none(tmp_path: Path) -> None:
    file = tmp_path / "state.db"

    async with aclosing(await follow(tmp_path)) as following:
        for _ in range(100):
            file.touch()
        (tmp_path / "signing.key").touch()
        await asyncio.wait_for(anext(following), patiently(5.0))
        (tmp_path / "signing.key").touch()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(following), 0.1)


async def test_a_folder_that_is_taken_away_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()

    async with aclosing(await follow(folder)) as following:
        folder.rename(tmp_path / "elsewhere")
        with pytest.raises(StateUnavailable, match="was taken away"):
            await asyncio.wait_for(anext(following), patiently(5.0))


async def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StateUnavailable, match="cannot be followed"):
        await follow(tmp_path / "none")


async def test_who_no_longer_follows_holds_nothing(tmp_path: Path) -> None:
    descriptors = Path("/proc/self/fd")
    before = len(list(descriptors.iterdir()))

    for _ in range(3):
        await (await follow(tmp_path)).aclose()

    assert len(list(descriptors.iterdir())) == before
