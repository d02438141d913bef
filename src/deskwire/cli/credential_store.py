"""Store of the desks that this user has logged in to.

    $XDG_STATE_HOME/deskwire/client/desks.json    mode 0600, in a directory of mode 0700

Passwords and login tokens are kept in the system keyring if there is one, else in that file.
"""

import fcntl
import importlib
import importlib.util
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from deskwire.client.credentials import Login
from deskwire.client.trust import CaFile, Pinned, SystemTrust, Trust
from deskwire.daemon import paths
from deskwire.model.problems import StateUnavailable
from deskwire.private_files import write_private_file

KEYRING_SERVICE = "deskwire"


class Secret(Struct, frozen=True, omit_defaults=True):
    """Password and login of one desk."""

    password: str | None = None
    login: Login | None = None

    def __repr__(self) -> str:
        return "Secret(…)"


class SavedDesk(Struct, frozen=True, omit_defaults=True):
    """Username and trust for one desk."""

    username: str
    fingerprint: str = ""
    """SHA-256 of the only trusted certificate. Empty to trust certificate authorities."""
    ca_file: str = ""
    secret: Secret | None = None
    """`None` if the secret is in the keyring."""

    @property
    def trust(self) -> Trust:
        """Rule that decides which certificate is trusted."""
        if self.fingerprint:
            return Pinned(self.fingerprint)
        return CaFile(Path(self.ca_file)) if self.ca_file else SystemTrust()


class SavedDesks(Struct, frozen=True):
    """Content of `desks.json`."""

    current: str = ""
    """Address of the last desk logged in to; the default of `--desk`."""
    desks: dict[str, SavedDesk] = {}
    """Saved desks by address."""


class KeyringStore:
    """Secrets in the system keyring, by name.

    The `keyring` package is optional. An operation that its backend cannot do, because it is locked
    or its service is gone, counts as "no keyring".
    """

    def __init__(self, package: Any) -> None:
        """`package` is the imported `keyring`."""
        self._package = package
        self._failures = (package.errors.KeyringError, OSError, RuntimeError)

    def get(self, name: str) -> str | None:
        """Return a secret, or `None` if it cannot be read."""
        with suppress(*self._failures):
            found: str | None = self._package.get_password(KEYRING_SERVICE, name)
            return found
        return None

    def set(self, name: str, secret: str) -> bool:
        """Save a secret. Return `False` if the keyring cannot."""
        with suppress(*self._failures):
            self._package.set_password(KEYRING_SERVICE, name, secret)
            return True
        return False

    def delete(self, name: str) -> None:
        """Delete a secret, if it exists."""
        with suppress(*self._failures):
            self._package.delete_password(KEYRING_SERVICE, name)

    @property
    def usable(self) -> bool:
        """Whether the backend encrypts secrets. `keyring` gives such backends priority 1 and up."""
        with suppress(*self._failures):
            return float(self._package.get_keyring().priority) >= 1
        return False


class CredentialStore:
    """The file and the keyring. A failure to read or write raises `StateUnavailable`."""

    def __init__(self, folder: Path, keyring: KeyringStore | None) -> None:
        self._folder = folder
        self._keyring = keyring
        self.path = folder / "desks.json"

    def read(self) -> SavedDesks:
        """Return the content of the file."""
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=SavedDesks)
        except FileNotFoundError:
            return SavedDesks()
        except OSError as problem:
            raise StateUnavailable(f"{self.path}: {problem.strerror}") from None
        except msgspec.DecodeError:
            raise StateUnavailable(f"{self.path}: not a file that deskwire wrote") from None

    def secret(self, address: str) -> Secret:
        """Return the secret of a desk, or an empty one if none is saved."""
        desk = self.read().desks.get(address)
        if desk is not None and desk.secret is not None:
            return desk.secret
        text = self._keyring.get(address) if self._keyring else None
        try:
            return Secret() if text is None else msgspec.json.decode(text, type=Secret)
        except msgspec.DecodeError:
            return Secret()

    def save(self, address: str, desk: SavedDesk, secret: Secret) -> str:
        """Save a desk and make it the current one. Return the place of its secret, for people."""
        in_keyring = self._save_in_keyring(address, secret)
        saved = replace(desk, secret=None if in_keyring else secret)
        with self._locked():
            self._write(SavedDesks(address, {**self.read().desks, address: saved}))
        return "the keyring" if in_keyring else str(self.path)

    def save_secret(self, address: str, secret: Secret) -> None:
        """Replace the secret of a desk, if the desk is saved."""
        in_keyring = self._save_in_keyring(address, secret)
        with self._locked():
            file = self.read()
            if address in file.desks:
                saved = replace(file.desks[address], secret=None if in_keyring else secret)
                self._write(SavedDesks(file.current, {**file.desks, address: saved}))

    def delete(self, address: str) -> None:
        """Delete a desk and its secret."""
        if self._keyring is not None:
            self._keyring.delete(address)
        with self._locked():
            file = self.read()
            desks = {each: desk for each, desk in file.desks.items() if each != address}
            current = next(reversed(desks), "") if file.current == address else file.current
            self._write(SavedDesks(current, desks))

    def _save_in_keyring(self, address: str, secret: Secret) -> bool:
        text = msgspec.json.encode(secret).decode()
        return self._keyring is not None and self._keyring.set(address, text)

    def _write(self, file: SavedDesks) -> None:
        content = msgspec.json.format(msgspec.json.encode(file)) + b"\n"
        try:
            write_private_file(self.path, content)
        except OSError as problem:
            raise StateUnavailable(f"{self.path}: {problem.strerror}") from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Exclude other commands meanwhile, with flock(2) on the directory."""
        try:
            self._folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(self._folder, os.O_RDONLY)
        except OSError as problem:
            raise StateUnavailable(f"{self._folder}: {problem.strerror}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def open_credential_store(environ: Mapping[str, str]) -> CredentialStore:
    """Return the store of this user."""
    return CredentialStore(paths.state_dir(environ) / "client", find_keyring())


def find_keyring() -> KeyringStore | None:
    """Return the system keyring, or `None` if there is none that encrypts."""
    if importlib.util.find_spec("keyring") is None:
        return None
    keyring = KeyringStore(importlib.import_module("keyring"))
    return keyring if keyring.usable else None
