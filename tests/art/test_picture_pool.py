import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deskwire.art import picture_pool as pool_module
from deskwire.art.picture_pool import PARALLEL_READS, Job, PicturePool, mount_point
from tests.support.kernel import HangingFolder
from tests.support.time_scaling import patiently
from tests.support.waiting import until_async

MOUNTS = b"""\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
25 22 0:20 / /tmp rw shared:1 - tmpfs tmpfs rw
90 25 0:50 / /tmp/hangs rw - fuse hangs rw
91 22 0:51 / /media/a\\040b\\134c rw - fuse hangs rw
malformed
"""

Pool = PicturePool[bytes | None]


def read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def reading(path: Path, results: Callable[[bytes | None], None]) -> Job[bytes | None]:
    return Job(lambda: read(path), results, path=bytes(path))


def ours() -> int:
    return sum(thread.name == "deskwire-art" for thread in threading.enumerate())


@pytest.mark.parametrize(
    ("path", "point"),
    [
        (b"/tmp/hangs/a.png", b"/tmp/hangs"),
        (b"/tmp/hangs", b"/tmp/hangs"),
        (b"/tmp/hangsnot/a.png", b"/tmp"),
        (b"/home/ann/a.png", b"/"),
        (b"/media/a b\\c/a.png", b"/media/a b\\c"),
    ],
)
def test_mount_of_a_path_is_found_without_access(path: bytes, point: bytes) -> None:
    assert mount_point(path, MOUNTS) == point


def test_without_a_list_of_mounts_none_is_known() -> None:
    assert mount_point(b"/a", b"") == b""


async def test_result_is_reported_and_the_thread_ends(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    results: list[bytes | None] = []
    pool = Pool()

    pool.submit(reading(tmp_path / "a", results.append))
    await until_async(lambda: results)

    assert results == [b"content"]
    await until_async(lambda: ours() == 0)


async def test_cancelled_job_calls_no_callback(tmp_path: Path) -> None:
    results: list[bytes | None] = []
    pool = Pool()
    job = reading(tmp_path / "a", results.append)

    pool.submit(job)
    job.cancel()
    await until_async(lambda: ours() == 0)

    assert results == []


async def test_job_cancelled_in_the_queue_is_never_read() -> None:
    let_go = threading.Event()
    results: list[str] = []
    pool = PicturePool[str]()

    def hang() -> str:
        let_go.wait(5)
        return "hung"

    def read_it() -> str:
        results.append("read though cancelled")
        return ""

    for _ in range(PARALLEL_READS):
        pool.submit(Job(hang, results.append))
    cancelled = Job(read_it, results.append)
    pool.submit(cancelled)
    pool.submit(Job(lambda: "last", results.append))
    cancelled.cancel()
    let_go.set()
    await until_async(lambda: "last" in results)

    assert sorted(results) == ["hung"] * PARALLEL_READS + ["last"]


async def test_no_more_than_a_few_read_at_once() -> None:
    begun, let_go = threading.Semaphore(0), threading.Event()
    results: list[bytes | None] = []
    pool = Pool()

    def work() -> None:
        begun.release()
        let_go.wait(5)

    for _ in range(10):
        pool.submit(Job(work, results.append))
    assert ours() <= PARALLEL_READS
    let_go.set()
    await until_async(lambda: len(results) == 10)


@pytest.mark.desktop
async def test_forty_reads_in_a_hanging_folder_delay_a_healthy_one_by_a_moment(
    tmp_path: Path,
) -> None:
    (tmp_path / "healthy").write_bytes(b"healthy")
    results: list[bytes | None] = []
    pool = Pool()
    with HangingFolder(tmp_path / "hangs") as hanging:
        for number in range(40):
            folder = hanging.path / str(number)
            pool.submit(reading(folder / "cover.png", results.append))
        begun = time.monotonic()
        pool.submit(reading(tmp_path / "healthy", results.append))
        await until_async(lambda: results)

        assert time.monotonic() - begun < patiently(0.5)
        assert results == [b"healthy"]
        assert ours() <= 2 * PARALLEL_READS
        hanging.release()
        await until_async(lambda: len(results) == 41)

    assert results == [b"healthy"] + [None] * 40
    await until_async(lambda: ours() == 0)


async def test_a_host_that_hangs_does_not_hold_up_another() -> None:
    let_go = threading.Event()
    results: list[bytes | None] = []
    pool = Pool()

    def hang() -> None:
        let_go.wait(5)

    for _ in range(10):
        pool.submit(Job(hang, results.append, host="slow.example"))
    pool.submit(Job(lambda: b"quick", results.append, host="quick.example"))
    await until_async(lambda: results)

    assert results == [b"quick"]
    assert ours() <= 2 * PARALLEL_READS
    let_go.set()
    await until_async(lambda: len(results) == 11)


async def test_there_are_never_more_threads_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "MOST_THREADS", 2 * PARALLEL_READS)
    monkeypatch.setattr(pool_module, "SLOW", 0.02)
    let_go = threading.Event()
    results: list[bytes | None] = []
    pool = Pool()

    def hang() -> None:
        let_go.wait(5)

    for number in range(20):
        pool.submit(Job(hang, results.append, host=f"{number}.example"))
    await until_async(lambda: ours() == 2 * PARALLEL_READS)
    await asyncio.sleep(0.1)

    assert ours() == 2 * PARALLEL_READS
    let_go.set()
    await until_async(lambda: len(results) == 20)
