import asyncio
import json
import os
import re
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deskwire.auth.logins import Login, Logins
from deskwire.auth.passwords import Passwords
from deskwire.auth.state_directory import StateDirectory
from deskwire.auth.users import Users
from deskwire.cli.commands.logins import connected_since, logins
from deskwire.model.access import ALL_SCOPES, ConnectedClient
from deskwire.model.instant import Instant, read_clock
from deskwire.model.units import Seconds

WEEK = Seconds(7 * 86400.0)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set up a user with an empty home and return the state directory."""
    for name in [*os.environ]:
        if name.startswith(("XDG_", "DESKWIRE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    return tmp_path / ".local/state/deskwire"


@pytest.fixture
def phone(folder: Path) -> Login:
    """Return the login of a phone; another login has ended."""

    async def log_in(state: StateDirectory) -> Login:
        users = Users(state, Passwords(memory_kib=1024))
        await users.add("ann", "correct horse", ALL_SCOPES)
        ann = await users.verify("ann", "correct horse")
        living, now = Logins(state, WEEK), read_clock()
        before = Instant(Seconds(now.wall - WEEK), Seconds(now.boot - WEEK))
        await living.begin(ann, address="192.0.2.8", agent="old", now=before)
        return await living.begin(ann, address="192.0.2.7", agent="My phone\x1b[2J", now=now)

    state = StateDirectory.open(folder)
    login = asyncio.run(log_in(state))
    state.close()
    return login


def run_logins(*words: str) -> Result:
    return CliRunner().invoke(logins, words, catch_exceptions=False)


def done(*words: str) -> str:
    result = run_logins(*words)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def test_first_list_is_empty() -> None:
    assert done() == "no logins\n"
    assert done("--json") == "[]\n"


def test_list_has_user_address_times_and_client(phone: Login) -> None:
    heading, row = done().splitlines()

    assert heading.split() == ["ID", "USER", "FROM", "SINCE", "UNTIL", "CONNECTED", "CLIENT"]
    assert re.fullmatch(
        rf"{phone.id}  ann   192\.0\.2\.7  [-\d]+ [:\d]+  [-\d]+ [:\d]+  -          My phone�\[2J",
        row,
    )


def test_json_has_every_field_of_a_login(phone: Login) -> None:
    (found,) = json.loads(done("--json"))

    created, expires = (
        time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
        for moment in (phone.created, phone.expires)
    )
    assert found == {
        "id": phone.id,
        "user": "ann",
        "address": "192.0.2.7",
        "agent": "My phone�[2J",
        "created": created,
        "expires": expires,
        "watching": [],
        "kind": "login",
        "name": "",
    }


def test_connected_column_has_start_and_number_of_connections(phone: Login) -> None:
    since = Seconds(1_700_000_000.0)
    here = [ConnectedClient(phone.id, "192.0.2.9", Seconds(since + offset)) for offset in (60, 0)]

    assert connected_since(here) == "since 2023-11-14 22:13 (2)"
    assert connected_since(here[1:]) == "since 2023-11-14 22:13"


def test_ended_login_is_gone(phone: Login) -> None:
    assert done("--end", phone.id) == f"ended login {phone.id}\n"
    assert done() == "no logins\n"


@pytest.mark.parametrize("login", ["nothing", "", "\x1b[2J", "\udcff"])
def test_unknown_login_is_one_line_and_exit_code_1(phone: Login, login: str) -> None:
    result = run_logins("--end", login)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"deskwire: no login {login!r}; run `deskwire logins` to list them\n"
    assert phone.id in done()


def test_unusable_state_directory_is_one_line_and_exit_code_4(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = run_logins("--state-dir", str(tmp_path / "file"))

    assert (result.exit_code, result.stdout) == (4, "")
    assert result.stderr == f"deskwire: {tmp_path / 'file'} is not a directory\n"
