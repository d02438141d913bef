import asyncio
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from uuid import UUID

import pytest

from deskwire.auth.state_directory import MIGRATIONS, StateDirectory, open_database
from deskwire.model.problems import StateUnavailable


def test_new_database_has_the_tables_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "state.db"

    with closing(open_database(path)) as connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema")}
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}

    assert {"users", "logins", "known_addresses"} <= tables
    assert modes == {"state.db": 0o600, "state.db-wal": 0o600, "state.db-shm": 0o600}


def test_database_writes_each_commit_to_disk(tmp_path: Path) -> None:
    with closing(open_database(tmp_path / "state.db")) as connection:
        journal = connection.execute("PRAGMA journal_mode").fetchone()[0]
        synchronous = connection.execute("PRAGMA synchronous").fetchone()[0]

    assert (journal, synchronous) == ("wal", 2)  # 2 is FULL


def test_current_database_opens_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with closing(open_database(path)) as connection:
        connection.execute("INSERT INTO users VALUES ('ann', 'monitor', 'x', 'g', 0.0)")

    with closing(open_database(path)) as connection:
        names = connection.execute("SELECT name FROM users").fetchall()

    assert names == [("ann",)]


def test_database_of_a_newer_deskwire_is_refused_and_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    newer = len(MIGRATIONS) + 1
    with closing(open_database(path)) as connection:
        connection.execute(f"PRAGMA user_version = {newer}")

    with pytest.raises(StateUnavailable, match="was written by a newer deskwire") as refused:
        open_database(path)

    assert refused.value.message.startswith(str(path))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == newer


def test_file_that_is_no_database_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_text("Dear Ann,\n" * 100)

    with pytest.raises(StateUnavailable) as refused:
        open_database(path)

    assert refused.value.message == f"{path}: it is not a database"


def test_directory_in_place_of_the_database_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.mkdir()

    with pytest.raises(StateUnavailable) as refused:
        open_database(path)

    assert refused.value.message == f"{path} is not a file"


def test_database_that_others_can_read_is_made_private(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    open_database(path).close()
    path.chmod(0o644)

    open_database(path).close()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


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
    """Fill the disk completely, and return the file that does."""
    filler = disk / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(b"0" * 4096):
            pass
    return filler


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Yield a file system of 512 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k,mode=700", "tmpfs", folder], check=True
    )
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


async def test_change_survives_a_restart(tmp_path: Path) -> None:
    first = await asyncio.to_thread(StateDirectory.open, tmp_path / "state")
    await first.change(lambda connection: connection.execute(add("ann")))
    first.close()

    second = await asyncio.to_thread(StateDirectory.open, tmp_path / "state")
    found = await second.read(names)
    second.close()

    assert found == {"ann"}


async def test_change_that_raises_has_no_effect(state: StateDirectory) -> None:
    def half(connection: sqlite3.Connection) -> None:
        connection.execute(add("ann"))
        raise LookupError

    with pytest.raises(LookupError):
        await state.change(half)

    assert await state.read(names) == set()


async def test_closed_state_directory_is_unavailable(state: StateDirectory) -> None:
    state.close()

    with pytest.raises(StateUnavailable, match="the state directory is closed"):
        await state.read(names)


async def test_statements_do_not_block_the_event_loop(state: StateDirectory) -> None:
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count_turns())
    slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 400000) "
    await state.read(
        lambda connection: connection.execute(f"{slow} SELECT max(i) FROM n").fetchall()
    )
    counting.cancel()

    assert turns > 5


def test_kill_loses_no_answered_change(tmp_path: Path) -> None:
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
    stored = names(connection)
    health = connection.execute("PRAGMA integrity_check").fetchone()[0]
    connection.close()

    assert len(answered) >= 100
    assert answered <= stored
    assert health == "ok"


@pytest.mark.desktop
async def test_full_disk_is_reported_and_reading_continues(small_disk: Path) -> None:
    state = await asyncio.to_thread(StateDirectory.open, small_disk / "state")
    await state.change(lambda connection: connection.execute(add("ann")))
    filler = fill(small_disk)

    for number in range(3):
        with pytest.raises(StateUnavailable) as refused:
            await state.change(
                lambda connection: connection.execute(add("bob", password="x" * 20000))
            )
        assert refused.value.message == "the database: the disk is full", number
    assert await state.read(names) == {"ann"}

    filler.unlink()
    await state.change(lambda connection: connection.execute(add("bob")))

    assert await state.read(names) == {"ann", "bob"}
    state.close()


@pytest.mark.desktop
def test_disk_that_is_full_at_the_start_is_reported_in_one_line(small_disk: Path) -> None:
    fill(small_disk)

    with pytest.raises(StateUnavailable) as refused:
        StateDirectory.open(small_disk / "state")

    assert str(small_disk / "state") in refused.value.message
    assert "\n" not in refused.value.message


def test_signing_key_is_stored_in_its_file(state: StateDirectory) -> None:
    key = state.secret("signing", 32)

    assert (state.folder / "signing.key").read_bytes() == key
    assert state.secret("signing", 32) == key


def test_desk_id_is_stable_and_does_not_reveal_the_machine_id(
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


def test_desk_id_is_random_and_stored_on_a_machine_without_an_id(tmp_path: Path) -> None:
    machine_id = tmp_path / "machine-id"
    state = StateDirectory.open(tmp_path / "state")
    first = state.desk_id(machine_id)
    machine_id.write_text("0123456789abcdef0123456789abcdef\n")
    second = state.desk_id(machine_id)
    state.close()

    assert UUID(first).version == 4
    assert second == first


def test_boot_id_is_stable_and_not_the_kernels(state: StateDirectory, tmp_path: Path) -> None:
    again = StateDirectory.open(state.folder)
    again.close()
    nowhere = StateDirectory.open(state.folder, boot_id=tmp_path / "none")
    nowhere.close()

    assert again.boot_id == state.boot_id
    assert state.boot_id != Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert nowhere.boot_id != state.boot_id


def test_processes_that_start_at_once_all_start(tmp_path: Path) -> None:
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
    keys = {process.communicate()[0] for process in starting}

    assert [process.returncode for process in starting] == [0] * 4
    assert len(keys) == 1


def test_unusable_directory_is_named(tmp_path: Path) -> None:
    file = tmp_path / "state"
    file.touch()

    with pytest.raises(StateUnavailable) as refused:
        StateDirectory.open(file)

    assert refused.value.message == f"{file} is not a directory"


def test_locked_directory_keeps_a_second_daemon_out(tmp_path: Path) -> None:
    first, second = StateDirectory.open(tmp_path), StateDirectory.open(tmp_path)
    first.lock()

    with pytest.raises(StateUnavailable, match=f"another deskwire uses {tmp_path}; stop it"):
        second.lock()
    first.close()
    second.lock()
    second.close()


def test_killed_daemon_leaves_no_lock(tmp_path: Path) -> None:
    script = (
        "import os, pathlib, sys; from deskwire.auth.state_directory import StateDirectory;"
        "StateDirectory.open(pathlib.Path(sys.argv[1])).lock(); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path], check=False)
    state = StateDirectory.open(tmp_path)

    state.lock()
    state.close()

    assert done.returncode == -signal.SIGKILL


def test_lock_that_cannot_be_opened_is_refused_with_its_path(tmp_path: Path) -> None:
    state = StateDirectory.open(tmp_path)
    (tmp_path / "daemon.lock").symlink_to("elsewhere")

    with pytest.raises(StateUnavailable, match=r"daemon\.lock"):
        state.lock()
    state.close()
