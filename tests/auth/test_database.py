import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from deskwire.auth.state_directory import STEPS, connect
from deskwire.model.problems import StateUnavailable


def test_a_new_file_has_the_tables_and_is_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "state.db"

    with closing(connect(path)) as connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema")}
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}

    assert {"users", "logins", "known_addresses"} <= tables
    assert modes == {"state.db": 0o600, "state.db-wal": 0o600, "state.db-shm": 0o600}


def test_what_is_committed_is_on_disk(tmp_path: Path) -> None:
    with closing(connect(tmp_path / "state.db")) as connection:
        journal = connection.execute("PRAGMA journal_mode").fetchone()[0]
        synchronous = connection.execute("PRAGMA synchronous").fetchone()[0]

    assert (journal, synchronous) == ("wal", 2)  # 2 is FULL


def test_a_file_of_today_is_opened_again_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with closing(connect(path)) as connection:
        connection.execute("INSERT INTO users VALUES ('ann', 'monitor', 'x', 'g', 0.0)")

    with closing(connect(path)) as connection:
        names = connection.execute("SELECT name FROM users").fetchall()

    assert names == [("ann",)]


def test_a_file_of_a_newer_deskwire_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    newer = len(STEPS) + 1
    with closing(connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {newer}")

    with pytest.raises(StateUnavailable, match="was written by a newer deskwire") as told:
        connect(path)

    assert told.value.message.startswith(str(path))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == newer


def test_a_file_that_is_no_database_is_told_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_text("Dear Ann,\n" * 100)

    with pytest.raises(StateUnavailable) as told:
        connect(path)

    assert told.value.message == f"{path}: it is not a database"


def test_a_folder_in_its_place_is_told_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.mkdir()

    with pytest.raises(StateUnavailable) as told:
        connect(path)

    assert told.value.message == f"{path} is not a file"


def test_a_file_that_others_could_read_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    connect(path).close()
    path.chmod(0o644)

    connect(path).close()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
