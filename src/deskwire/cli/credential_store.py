"""The desks somebody logged in to: which, as whom, whose certificate; and the secrets.

    $XDG_STATE_HOME/deskwire/client/desks.json    0600, in a folder of its own, 0700

A secret (the password, the login token) lies in the keyring where there is one, else in that file.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from deskwire.cli.keyring_store import KeyringStore, find_keyring
from deskwire.client.credentials import Login
from deskwire.client.trust import CaFile, Pinned, SystemTrust, Trust
from deskwire.model.problems import StateUnavailable


class Secret(Struct, frozen=True, omit_defaults=True):
    """What nobody else may see."""

    password: str | None = None
    login: Login | None = None

    def __repr__(self) -> str:
        return "Secret(…)"


class SavedDesk(Struct, frozen=True, omit_defaults=True):
    """One desk, and how to get in."""

    username: str
    fingerprint: str = ""
    """SHA-256 of the one certificate that is believed; empty: authorities are."""
    ca_file: str = ""
    secret: Secret | None = None
    """`None` where it is in the keyring."""

    @property
    def trust(self) -> Trust:
        """Whose certificate is believed."""
        if self.fingerprint:
            return Pinned(self.fingerprint)
        return CaFile(Path(self.ca_file)) if self.ca_file else SystemTrust()


class SavedDesks(Struct, frozen=True):
    """What `desks.json` holds."""

    current: str = ""
    """The desk that is meant where none is named: the last one logged in to."""
    desks: dict[str, SavedDesk] = {}
    """By address."""


class CredentialStore:
    """The file, and the keyring beside it; what cannot be read or written is `StateUnavailable`."""

    def __init__(self, folder: Path, ring: KeyringStore | None) -> None:
        self._folder = folder
        self._ring = ring
        self.path = folder / "desks.json"

    def read(self) -> SavedDesks:
        """Return what the file holds."""
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=SavedDesks)
        except FileNotFoundError:
            return SavedDesks()
        except OSError as problem:
            raise StateUnavailable(f"{self.path}: {problem.strerror}") from None
        except msgspec.DecodeError:
            raise StateUnavailable(f"{self.path}: not as deskwire wrote it") from None

    def secret(self, address: str) -> Secret:
        """Return a desk's secret; an empty one where none is kept."""
        desk = self.read().desks.get(address)
        if desk is not None and desk.secret is not None:
            return desk.secret
        text = self._ring.get(address) if self._ring else None
        try:
            return Secret() if text is None else msgspec.json.decode(text, type=Secret)
        except msgspec.DecodeError:
            return Secret()

    def keep(self, address: str, desk: SavedDesk, secret: Secret) -> str:
        """Keep a desk and make it the current one; return where its secret is, in words."""
        in_ring = self._to_ring(address, secret)
        kept = replace(desk, secret=None if in_ring else secret)
        with self._locked():
            self._write(SavedDesks(address, {**self.read().desks, address: kept}))
        return "the keyring" if in_ring else str(self.path)

    def keep_secret(self, address: str, secret: Secret) -> None:
        """Keep the new secret of a desk, if the desk is kept."""
        in_ring = self._to_ring(address, secret)
        with self._locked():
            file = self.read()
            if address in file.desks:
                kept = replace(file.desks[address], secret=None if in_ring else secret)
                self._write(SavedDesks(file.current, {**file.desks, address: kept}))

    def forget(self, address: str) -> None:
        """Keep nothing of a desk."""
        if self._ring is not None:
            self._ring.delete(address)
        with self._locked():
            file = self.read()
            desks = {each: desk for each, desk in file.desks.items() if each != address}
            current = next(reversed(desks), "") if file.current == address else file.current
            self._write(SavedDesks(current, desks))

    def _to_ring(self, address: str, secret: Secret) -> bool:
        text = msgspec.json.encode(secret).decode()
        return self._ring is not None and self._ring.set(address, text)

    def _write(self, file: SavedDesks) -> None:
        """Write the whole file beside, then put it in place, readable by its owner alone."""
        beside = self.path.with_suffix(".new")
        try:
            beside.unlink(missing_ok=True)
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as new:
                new.write(msgspec.json.format(msgspec.json.encode(file)) + b"\n")
                new.flush()
                os.fsync(descriptor)
            beside.replace(self.path)
        except OSError as problem:
            raise StateUnavailable(f"{self.path}: {problem.strerror}") from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other commands from changing it meanwhile, flock(2) on the folder."""
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
    """Return what this person keeps."""
    state = Path(environ.get("XDG_STATE_HOME", ""))
    if not state.is_absolute():
        state = Path(environ.get("HOME", "~")).expanduser() / ".local" / "state"
    return CredentialStore(state / "deskwire" / "client", find_keyring())
