import stat
from pathlib import Path
from typing import Any

import pytest

from deskwire.cli.credential_store import (
    CredentialStore,
    KeyringStore,
    SavedDesk,
    Secret,
    open_credential_store,
)
from deskwire.client import CaFile, Login, Pinned, SystemTrust
from deskwire.model.problems import StateUnavailable
from deskwire.model.units import Seconds

DESK, OTHER = "https://desk.local:8765", "https://other.local:8765"
PIN = "ab" * 32
LOGIN = Login("token", Seconds(1000), Seconds(2000))
SECRET = Secret("correct horse", LOGIN)


class KeyringPackage:
    """Stand-in for the `keyring` package, in memory. `works` says whether its backend does."""

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
def store(tmp_path: Path) -> CredentialStore:
    return CredentialStore(tmp_path / "deskwire" / "client", None)


def test_saved_desk_is_read_back_with_its_secret(store: CredentialStore) -> None:
    place = store.save(DESK, SavedDesk("ann", fingerprint=PIN), SECRET)

    file = store.read()
    assert place == str(store.path)
    assert file.current == DESK
    assert file.desks[DESK].username == "ann"
    assert file.desks[DESK].trust == Pinned(PIN)
    assert store.secret(DESK) == SECRET


def test_file_is_readable_by_its_owner_only(store: CredentialStore) -> None:
    store.save(DESK, SavedDesk("ann"), SECRET)
    store.path.chmod(0o644)
    store.save_secret(DESK, Secret("new"))

    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(store.path.parent.parent.stat().st_mode) == 0o700
    assert list(store.path.parent.iterdir()) == [store.path]


def test_last_saved_desk_is_the_current_one(store: CredentialStore) -> None:
    store.save(DESK, SavedDesk("ann"), SECRET)
    store.save(OTHER, SavedDesk("ben"), Secret())
    assert store.read().current == OTHER

    store.delete(OTHER)

    assert store.read().current == DESK
    assert list(store.read().desks) == [DESK]
    assert store.secret(OTHER) == Secret()


def test_new_secret_replaces_the_old_one(store: CredentialStore) -> None:
    store.save(DESK, SavedDesk("ann", ca_file="/ca.pem"), SECRET)
    store.save_secret(DESK, Secret("new", LOGIN))
    store.save_secret(OTHER, Secret("of an unsaved desk"))

    assert store.secret(DESK) == Secret("new", LOGIN)
    assert store.read().desks[DESK].trust == CaFile(Path("/ca.pem"))
    assert list(store.read().desks) == [DESK]


def test_missing_file_is_an_empty_store(store: CredentialStore) -> None:
    assert store.read().current == ""
    assert store.secret(DESK) == Secret()
    store.delete(DESK)


def test_secret_is_in_the_keyring_and_not_in_the_file(tmp_path: Path) -> None:
    package = KeyringPackage()
    store = CredentialStore(tmp_path, KeyringStore(package))

    place = store.save(DESK, SavedDesk("ann"), SECRET)

    assert place == "the keyring"
    assert "horse" not in store.path.read_text(encoding="utf-8")
    assert store.secret(DESK) == SECRET
    assert store.read().desks[DESK].trust == SystemTrust()
    store.delete(DESK)
    assert package.secrets == {}


def test_locked_keyring_leaves_the_secret_to_the_file(tmp_path: Path) -> None:
    package = KeyringPackage()
    store = CredentialStore(tmp_path, KeyringStore(package))
    package.works = False

    place = store.save(DESK, SavedDesk("ann"), SECRET)

    assert place == str(store.path)
    assert store.secret(DESK) == SECRET
    store.delete(DESK)


def test_lost_keyring_entry_is_an_empty_secret(tmp_path: Path) -> None:
    package = KeyringPackage()
    store = CredentialStore(tmp_path, KeyringStore(package))
    store.save(DESK, SavedDesk("ann"), SECRET)
    package.secrets["deskwire", DESK] = "not ours"

    assert store.secret(DESK) == Secret()


@pytest.mark.parametrize(("priority", "usable"), [(5, True), (1, True), (0.5, False), (0, False)])
def test_keyring_without_a_secure_backend_is_not_usable(priority: float, usable: bool) -> None:
    package = KeyringPackage()
    package.priority = priority

    assert KeyringStore(package).usable is usable


@pytest.mark.parametrize("text", ["", "{", "[]", '{"desks": 5}'])
def test_foreign_file_is_named_in_the_error(store: CredentialStore, text: str) -> None:
    store.path.parent.mkdir(parents=True)
    store.path.write_text(text, encoding="utf-8")

    with pytest.raises(StateUnavailable, match=r"desks\.json"):
        store.read()


def test_unusable_directory_is_named_in_the_error(tmp_path: Path) -> None:
    (tmp_path / "deskwire").write_text("a file", encoding="utf-8")

    with pytest.raises(StateUnavailable, match="client"):
        CredentialStore(tmp_path / "deskwire" / "client", None).save(DESK, SavedDesk("ann"), SECRET)


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"HOME": "/home/ann"}, "/home/ann/.local/state"),
        ({"HOME": "/home/ann", "XDG_STATE_HOME": "/state"}, "/state"),
        ({"HOME": "/home/ann", "XDG_STATE_HOME": "relative"}, "/home/ann/.local/state"),
    ],
)
def test_store_is_in_the_state_directory(environ: dict[str, str], folder: str) -> None:
    assert str(open_credential_store(environ).path) == f"{folder}/deskwire/client/desks.json"


def test_secret_does_not_appear_in_its_repr() -> None:
    assert "horse" not in repr(SECRET)
