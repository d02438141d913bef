import asyncio
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import pytest

from deskwire.auth.state_directory import StateDirectory
from deskwire.model.problems import StateUnavailable

WRITER = """
import asyncio, sys
from pathlib import Path
from deskwire.auth.state_directory import StateDirectory

async def main():
    state = StateDirectory.open(Path(sys.argv[1]))
    print("open", flush=True)
    number = int(sys.argv[2])
    while True:
        name = f"user{number}"
        await state.change(lambda c: c.execute(
            "INSERT INTO users VALUES (?, 'monitor', ?, 'g', 0.0)", (name, "x" * 3000)))
        print(name, flush=True)
        number += 1

asyncio.run(main())
"""


def add(name: str, password: str = "x") -> str:
    """Return the statement that adds a user."""
    return f"INSERT INTO users VALUES ('{name}', 'monitor', '{password}', 'g', 0.0)"


def names(connection: sqlite3.Connection) -> set[str]:
    return {row[0] for row in connection.execute("SELECT name FROM users")}


def fill(disk: Path) -> Path:
    """Leave not one byte free; return the file that takes it all."""
    filler = disk / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(b"0" * 4096):
            pass
    return filler


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Lend a file system of 512 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k,mode=700", "tmpfs", folder], check=True
    )
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


async def test_what_was_changed_is_there_after_the_next_start(tmp_path: Path) -> None:
    first = await asyncio.to_thread(StateDirectory.open, tmp_path / "state")
    await first.change(lambda connection: connection.execute(add("ann")))
    first.close()

    second = await asyncio.to_thread(StateDirectory.open, tmp_path / "state")
    found = await second.read(names)
    second.close()

    assert found == {"ann"}


async def test_a_change_that_raises_changes_nothing(state: StateDirectory) -> None:
    def half(connection: sqlite3.Connection) -> None:
        connection.execute(add("ann"))
        raise LookupError

    with pytest.raises(LookupError):
        await state.change(half)

    assert await state.read(names) == set()


async def test_a_closed_state_says_so(state: StateDirectory) -> None:
    state.close()

    with pytest.raises(StateUnavailable, match="the desk's state is closed"):
        await state.read(names)


async def test_statements_never_run_on_the_event_loop(state: StateDirectory) -> None:
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0)

    beating = asyncio.create_task(beat())
    slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 400000) "
    await state.read(
        lambda connection: connection.execute(f"{slow} SELECT max(i) FROM n").fetchall()
    )
    beating.cancel()

    assert beats > 5


def test_a_kill_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    answered: set[str] = set()
    for _ in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, tmp_path / "state", str(len(answered) * 2)],
            stdout=subprocess.PIPE,
            text=True,
        ) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "open\n"
            for _ in range(20):
                answered.add(writer.stdout.readline().strip())
            writer.send_signal(signal.SIGKILL)
            answered.update(writer.stdout.read().split())

    state = StateDirectory.open(tmp_path / "state")
    state.close()
    connection = sqlite3.connect(tmp_path / "state" / "state.db")
    kept = names(connection)
    health = connection.execute("PRAGMA integrity_check").fetchone()[0]
    connection.close()

    assert len(answered) >= 100
    assert answered <= kept
    assert health == "ok"


@pytest.mark.desktop
async def test_a_full_disk_is_told_and_reading_goes_on(small_disk: Path) -> None:
    state = await asyncio.to_thread(StateDirectory.open, small_disk / "state")
    await state.change(lambda connection: connection.execute(add("ann")))
    filler = fill(small_disk)

    for number in range(3):
        with pytest.raises(StateUnavailable) as told:
            await state.change(
                lambda connection: connection.execute(add("bob", password="x" * 20000))
            )
        assert told.value.message == "the desk's state: the disk is full", number
    assert await state.read(names) == {"ann"}

    filler.unlink()
    await state.change(lambda connection: connection.execute(add("bob")))

    assert await state.read(names) == {"ann", "bob"}
    state.close()


@pytest.mark.desktop
def test_a_disk_full_from_the_start_is_told_in_one_line(small_disk: Path) -> None:
    fill(small_disk)

    with pytest.raises(StateUnavailable) as told:
        StateDirectory.open(small_disk / "state")

    assert str(small_disk / "state") in told.value.message
    assert "\n" not in told.value.message


def test_a_signing_key_is_kept_under_its_name(state: StateDirectory) -> None:
    key = state.secret("signing", 32)

    assert (state.folder / "signing.key").read_bytes() == key
    assert state.secret("signing", 32) == key


def test_a_desk_is_the_same_at_every_start_and_does_not_tell_the_machines_id(
    tmp_path: Path,
) -> None:
    machine_id = tmp_path / "machine-id"
    machine_id.write_text("0123456789abcdef0123456789abcdef\n")
    found = []
    for folder in ("one", "one", "two"):
        state = StateDirectory.open(tmp_path / folder)
        found.append(state.desk_id(machine_id))
        state.close()

    assert len(set(found)) == 1
    assert "0123456789abcdef" not in found[0].replace("-", "")


def test_a_desk_on_a_machine_without_an_id_keeps_a_random_one(tmp_path: Path) -> None:
    machine_id = tmp_path / "machine-id"
    state = StateDirectory.open(tmp_path / "state")
    first = state.desk_id(machine_id)
    machine_id.write_text("0123456789abcdef0123456789abcdef\n")
    second = state.desk_id(machine_id)
    state.close()

    assert UUID(first).version == 4
    assert second == first


def test_a_boot_has_an_id_that_is_not_the_kernels(state: StateDirectory, tmp_path: Path) -> None:
    again = StateDirectory.open(state.folder)
    again.close()
    nowhere = StateDirectory.open(state.folder, boot_id=tmp_path / "none")
    nowhere.close()

    assert again.boot_id == state.boot_id
    assert state.boot_id != Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert nowhere.boot_id != state.boot_id


def test_two_processes_that_start_at_once_both_start(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from deskwire.auth.state_directory import StateDirectory\n"
        "s = StateDirectory.open(Path(sys.argv[1]))\n"
        "print(s.secret('signing', 32).hex()); s.close()"
    )
    starting = [
        subprocess.Popen(
            [sys.executable, "-c", code, tmp_path / "state"], stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    told = {process.communicate()[0] for process in starting}

    assert [process.returncode for process in starting] == [0] * 4
    assert len(told) == 1


def test_the_folder_is_named_when_it_cannot_be_used(tmp_path: Path) -> None:
    file = tmp_path / "state"
    file.touch()

    with pytest.raises(StateUnavailable) as told:
        StateDirectory.open(file)

    assert told.value.message == f"{file} is not a folder"
