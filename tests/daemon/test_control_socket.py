import asyncio
import stat
from pathlib import Path

import pytest

from deskwire.daemon.control_socket import NAME, ask, told
from deskwire.model.access import LoginId
from deskwire.model.units import Seconds
from deskwire.server.websocket.endpoint import Watcher

PHONE = Watcher(LoginId("a1"), "192.0.2.7", Seconds(1_700_000_000.0))


@pytest.mark.parametrize("long", [False, True], ids=["short", "long"])
async def test_whoever_asks_is_told_who_is_watching_now(tmp_path: Path, long: bool) -> None:
    folder = tmp_path / ("x" * 150 if long else "s")
    folder.mkdir()
    now = [PHONE]

    async with told(folder, lambda: now):
        one = await asyncio.to_thread(ask, folder)
        now.clear()
        none = await asyncio.to_thread(ask, folder)
        kind = (folder / NAME).lstat().st_mode
    after = await asyncio.to_thread(ask, folder)

    assert (one, none, after) == ([PHONE], [], [])
    assert stat.S_ISSOCK(kind)
    assert not (folder / NAME).exists()


async def test_what_a_killed_daemon_left_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / NAME).touch()

    assert await asyncio.to_thread(ask, tmp_path) == []
    async with told(tmp_path, lambda: [PHONE]):
        assert await asyncio.to_thread(ask, tmp_path) == [PHONE]


async def test_a_folder_that_takes_no_socket_is_one_line_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / NAME).mkdir()

    async with told(tmp_path, list):
        pass

    assert [record.message for record in caplog.records] == [
        "who is watching cannot be asked: Is a directory"
    ]
