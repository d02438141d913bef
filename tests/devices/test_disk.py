import asyncio
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from deskwire.devices import disk
from deskwire.devices.disk import DiskDevice, StatvfsThread, set_result, used_space
from deskwire.model.possible import check_reading
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.readings import Disk
from deskwire.model.units import Bytes, Seconds
from tests.support.devices import next_reading, resources
from tests.support.time_scaling import patiently
from tests.support.waiting import until, until_async

ROOT = Path("/")
SHARE = Path("/srv/share")
EVERY = Seconds(0.05)
SOON = Seconds(patiently(1))
THREAD = "deskwire-disk"


def disk_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == THREAD]


async def no_disk_thread() -> None:
    await until_async(lambda: not disk_threads(), what="the disk's thread has ended")


class Mount:
    """A mount under the test's thumb: how much is used, and whether its server answers."""

    def __init__(self) -> None:
        self.used_blocks = 10
        self.askers: set[str] = set()
        """The names of the threads that asked."""
        self.answers = threading.Event()
        self.answers.set()

    def statvfs(self, path: Path) -> os.statvfs_result:
        self.askers.add(threading.current_thread().name)
        assert path in {ROOT, SHARE}
        assert self.answers.wait(patiently(10))
        return os.statvfs_result((512, 4096, 1000, 1000 - self.used_blocks, 900, 0, 0, 0, 0, 255))


@pytest.fixture
def mount(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mount]:
    until(lambda: not disk_threads(), what="the last test's thread has ended")
    mount = Mount()
    monkeypatch.setattr("deskwire.devices.disk.os.statvfs", mount.statvfs)
    yield mount
    mount.answers.set()


@pytest.mark.desktop
async def test_used_space_equals_df() -> None:
    async with aclosing(DiskDevice(resources(disk=ROOT, interval=EVERY)).watch()) as readings:
        reading = await next_reading(readings)
    await no_disk_thread()

    said = subprocess.run(
        ["df", "--block-size=1", "--output=used", "/"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert reading is not None
    assert reading.used == pytest.approx(int(said.stdout.split()[1]), rel=0.02)


async def test_reserved_space_is_not_used_and_fragment_size_counts(mount: Mount) -> None:
    async with aclosing(DiskDevice(resources(disk=SHARE, interval=EVERY)).watch()) as readings:
        assert await next_reading(readings) == Disk(used=Bytes(10 * 4096))


def test_block_size_replaces_a_missing_fragment_size() -> None:
    found = os.statvfs_result((4096, 0, 1000, 990, 900, 0, 0, 0, 0, 255))

    assert used_space(found) == Disk(used=Bytes(10 * 4096))


@pytest.mark.parametrize("free", [1001, 2**64 - 1])
def test_more_free_blocks_than_blocks_leave_the_reading_out(free: int) -> None:
    found = os.statvfs_result((4096, 4096, 1000, free, 900, 0, 0, 0, 0, 255))
    checked = check_reading(used_space(found))

    assert checked.reading is None
    assert [problem.field for problem in checked.impossible] == ["Disk.used"]


async def test_only_a_change_is_a_reading(mount: Mount) -> None:
    async with aclosing(DiskDevice(resources(disk=SHARE, interval=EVERY)).watch()) as readings:
        await next_reading(readings)
        asyncio.get_running_loop().call_later(0.12, setattr, mount, "used_blocks", 11)

        assert await next_reading(readings) == Disk(used=Bytes(11 * 4096))


async def test_a_mount_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    async with aclosing(
        DiskDevice(resources(disk=tmp_path / "usb", interval=EVERY)).watch()
    ) as readings:
        with pytest.raises(DeviceUnavailable, match="usb: No such file or directory") as raised:
            await next_reading(readings)

    assert "stats.disk" in raised.value.remedy


@pytest.mark.virtual_time
async def test_a_mount_that_hangs_is_unavailable_within_a_quarter_of_a_second(mount: Mount) -> None:
    loop = asyncio.get_running_loop()
    mount.answers.clear()
    began = loop.time()
    async with aclosing(DiskDevice(resources(disk=SHARE, interval=EVERY)).watch()) as readings:
        with pytest.raises(DeviceUnavailable, match="/srv/share does not answer"):
            await next_reading(readings)

    assert loop.time() - began < patiently(0.4)


@pytest.mark.virtual_time
async def test_hanging_mount_blocks_one_thread_over_many_watches(
    mount: Mount,
) -> None:
    mount.answers.clear()
    source = DiskDevice(resources(disk=SHARE, interval=EVERY))
    problems = []
    for _ in range(4):
        async with aclosing(source.watch()) as readings:
            with pytest.raises(DeviceUnavailable) as raised:
                await next_reading(readings)
        problems.append(raised.value.message)

    assert problems == ["/srv/share does not answer"] + ["/srv/share still does not answer"] * 3
    assert len(disk_threads()) == 1


async def test_a_mount_that_answers_again_is_read_again(
    mount: Mount, monkeypatch: pytest.MonkeyPatch
) -> None:
    mount.answers.clear()
    source = DiskDevice(resources(disk=SHARE, interval=EVERY))
    with monkeypatch.context() as hurried:
        hurried.setattr("deskwire.devices.disk.FIRST_TIMEOUT", 0.02)
        async with aclosing(source.watch()) as readings:
            with pytest.raises(DeviceUnavailable):
                await next_reading(readings)
    mount.answers.set()
    await no_disk_thread()

    async with aclosing(source.watch()) as readings:
        assert await next_reading(readings) == Disk(used=Bytes(10 * 4096))


@pytest.mark.usefixtures("_hurried")
async def test_slow_mount_is_read_by_the_watch_after_a_failed_one(mount: Mount) -> None:
    source = DiskDevice(resources(disk=SHARE, interval=EVERY))
    mount.answers.clear()
    async with aclosing(source.watch()) as readings:
        with pytest.raises(DeviceUnavailable):
            await next_reading(readings)
    mount.answers.set()
    await no_disk_thread()
    mount.answers.clear()
    threading.Timer(0.5, mount.answers.set).start()

    async with aclosing(source.watch()) as readings:
        assert await next_reading(readings) == Disk(used=Bytes(10 * 4096))


@pytest.mark.virtual_time
async def test_the_event_loop_runs_on_while_a_mount_hangs(mount: Mount) -> None:
    mount.answers.clear()
    turns = 0
    async with aclosing(DiskDevice(resources(disk=SHARE, interval=EVERY)).watch()) as readings:
        waiting = asyncio.ensure_future(next_reading(readings))
        while not waiting.done():
            await asyncio.sleep(0.01)
            turns += 1
        with pytest.raises(DeviceUnavailable):
            await waiting

    assert turns >= 5


async def test_a_watch_that_ends_lets_its_thread_go(mount: Mount) -> None:
    readings = DiskDevice(resources(disk=SHARE, interval=EVERY)).watch()
    await next_reading(readings)
    assert disk_threads()
    await readings.aclose()

    await no_disk_thread()


async def test_a_root_that_answers_at_once_takes_no_thread_after_its_first_answer(
    mount: Mount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "root_never_blocks", lambda: True)
    async with aclosing(DiskDevice(resources(disk=ROOT, interval=EVERY)).watch()) as readings:
        await next_reading(readings)
        await no_disk_thread()
        mount.used_blocks = 11
        on_the_loop = await next_reading(readings)
        mount.used_blocks = 12
        again = await next_reading(readings)

    assert (on_the_loop, again) == (
        Disk(used=Bytes(11 * 4096)),
        Disk(used=Bytes(12 * 4096)),
    )


async def test_this_machines_root_says_the_same_of_itself_in_a_thread_and_without() -> None:
    statvfs = StatvfsThread(ROOT)
    in_a_thread = await statvfs.ask(SOON)
    statvfs.end()
    await no_disk_thread()
    statvfs._never_blocks = True
    without = await statvfs.ask(SOON)

    assert (in_a_thread.f_blocks, in_a_thread.f_fsid) == (without.f_blocks, without.f_fsid)


@pytest.mark.parametrize(("path", "at_once"), [(ROOT, False), (SHARE, True)])
async def test_blocking_mount_is_never_called_on_the_event_loop(
    path: Path, at_once: bool, mount: Mount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "root_never_blocks", lambda: at_once)
    async with aclosing(DiskDevice(resources(disk=path, interval=EVERY)).watch()) as readings:
        for mount.used_blocks in (11, 12, 13):
            await next_reading(readings)

    assert mount.askers == {THREAD}


async def test_answer_after_cancellation_is_dropped() -> None:
    answer: asyncio.Future[os.statvfs_result] = asyncio.get_running_loop().create_future()
    answer.cancel()

    set_result(answer, OSError())

    assert answer.cancelled()
