import stat
from pathlib import Path
from typing import Any

import pytest

from deskwire.cli.credential_store import CredentialStore, SavedDesk, Secret, open_credential_store
from deskwire.cli.keyring_store import KeyringStore
from deskwire.client import CaFile, Login, Pinned, SystemTrust
from deskwire.model.problems import StateUnavailable
from deskwire.model.units import Seconds

DESK, OTHER = "https://desk.local:8765", "https://other.local:8765"
PIN = "ab" * 32
LOGIN = Login("token", Seconds(1000), Seconds(2000))
SECRET = Secret("correct horse", LOGIN)


class KeyringPackage:
    """What is used of the `keyring` package, in memory; `works` is whether its backend does."""

    class errors:  # noqa: N801 - the package's own name
        class KeyringError(Exception):
            pass

    def __init__(self) -> None:
        self.secrets: dict[tuple[str, str], str] = {}
        self.works = True
        self.priority: Any = 5

    def get_keyring(self) -> "KeyringPackage":
        return self

    def get_password(self, service: str, name: str) -> str | None:
        self._need()
        return self.secrets.get((service, name))

    def set_password(self, service: str, name: str, secret: str) -> None:
        self._need()
        self.secrets[service, name] = secret

    def delete_password(self, service: str, name: str) -> None:
        self._need()
        if self.secrets.pop((service, name), None) is None:
            raise self.errors.KeyringError

    def _need(self) -> None:
        if not self.works:
            raise self.errors.KeyringError


@pytest.fixture
def kept(tmp_path: Path) -> CredentialStore:
    return CredentialStore(tmp_path / "deskwire" / "client", None)


def test_a_desk_is_kept_with_its_secret(kept: CredentialStore) -> None:
    where = kept.keep(DESK, SavedDesk("ann", fingerprint=PIN), SECRET)

    file = kept.read()
    assert where == str(kept.path)
    assert file.current == DESK
    assert file.desks[DESK].username == "ann"
    assert file.desks[DESK].trust == Pinned(PIN)
    assert kept.secret(DESK) == SECRET


def test_nobody_else_can_read_it(kept: CredentialStore) -> None:
    kept.keep(DESK, SavedDesk("ann"), SECRET)
    kept.path.chmod(0o644)
    kept.keep_secret(DESK, Secret("new"))

    assert stat.S_IMODE(kept.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(kept.path.parent.parent.stat().st_mode) == 0o700
    assert list(kept.path.parent.iterdir()) == [kept.path]


def test_the_last_one_logged_in_to_is_the_one_that_is_meant(kept: CredentialStore) -> None:
    kept.keep(DESK, SavedDesk("ann"), SECRET)
    kept.keep(OTHER, SavedDesk("ben"), Secret())
    assert kept.read().current == OTHER

    kept.forget(OTHER)

    assert kept.read().current == DESK
    assert list(kept.read().desks) == [DESK]
    assert kept.secret(OTHER) == Secret()


def test_a_new_secret_takes_the_place_of_the_old_one(kept: CredentialStore) -> None:
    kept.keep(DESK, SavedDesk("ann", ca_file="/ca.pem"), SECRET)
    kept.keep_secret(DESK, Secret("new", LOGIN))
    kept.keep_secret(OTHER, Secret("of a desk that is not kept"))

    assert kept.secret(DESK) == Secret("new", LOGIN)
    assert kept.read().desks[DESK].trust == CaFile(Path("/ca.pem"))
    assert list(kept.read().desks) == [DESK]


def test_nothing_kept_is_an_empty_file(kept: CredentialStore) -> None:
    assert kept.read().current == ""
    assert kept.secret(DESK) == Secret()
    kept.forget(DESK)


def test_a_keyring_has_the_secret_and_the_file_has_not(tmp_path: Path) -> None:
    package = KeyringPackage()
    kept = CredentialStore(tmp_path, KeyringStore(package))

    where = kept.keep(DESK, SavedDesk("ann"), SECRET)

    assert where == "the keyring"
    assert "horse" not in kept.path.read_text(encoding="utf-8")
    assert kept.secret(DESK) == SECRET
    assert kept.read().desks[DESK].trust == SystemTrust()
    kept.forget(DESK)
    assert package.secrets == {}


def test_a_keyring_that_is_locked_leaves_it_to_the_file(tmp_path: Path) -> None:
    package = KeyringPackage()
    kept = CredentialStore(tmp_path, KeyringStore(package))
    package.works = False

    where = kept.keep(DESK, SavedDesk("ann"), SECRET)

    assert where == str(kept.path)
    assert kept.secret(DESK) == SECRET
    kept.forget(DESK)


def test_a_keyring_that_lost_its_secret_is_an_empty_secret(tmp_path: Path) -> None:
    package = KeyringPackage()
    kept = CredentialStore(tmp_path, KeyringStore(package))
    kept.keep(DESK, SavedDesk("ann"), SECRET)
    package.secrets["deskwire", DESK] = "not ours"

    assert kept.secret(DESK) == Secret()


@pytest.mark.parametrize(("priority", "usable"), [(5, True), (1, True), (0.5, False), (0, False)])
def test_a_keyring_without_a_backend_is_not_used(priority: float, usable: bool) -> None:
    package = KeyringPackage()
    package.priority = priority

    assert KeyringStore(package).usable is usable


@pytest.mark.parametrize("text", ["", "{", "[]", '{"desks": 5}'])
def test_a_file_that_is_not_ours_is_named(kept: CredentialStore, text: str) -> None:
    kept.path.parent.mkdir(parents=True)
    kept.path.write_text(text, encoding="utf-8")

    with pytest.raises(StateUnavailable, match=r"desks\.json"):
        kept.read()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "deskwire").write_text("a file", encoding="utf-8")

    with pytest.raises(StateUnavailable, match="client"):
        CredentialStore(tmp_path / "deskwire" / "client", None).keep(DESK, SavedDesk("ann"), SECRET)


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"HOME": "/home/ann"}, "/home/ann/.local/state"),
        ({"HOME": "/home/ann", "XDG_STATE_HOME": "/state"}, "/state"),
        ({"HOME": "/home/ann", "XDG_STATE_HOME": "relative"}, "/home/ann/.local/state"),
    ],
)
def test_it_is_kept_where_state_belongs(environ: dict[str, str], folder: str) -> None:
    assert str(open_credential_store(environ).path) == f"{folder}/deskwire/client/desks.json"


def test_no_secret_shows_in_a_trace() -> None:
    assert "horse" not in repr(SECRET)
