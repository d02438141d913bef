"""The keyring, where the `keyring` package and a backend that works are installed.

The package is no requirement of ours, so it is looked for when it is needed. Whatever a backend
cannot do (it is locked, its service is gone) counts as not there: the file serves instead.
"""

import importlib
import importlib.util
from contextlib import suppress
from typing import Any

SERVICE = "deskwire"


class KeyringStore:
    """Secrets by name, each a text."""

    def __init__(self, package: Any) -> None:
        """`package` is the imported `keyring`."""
        self._package = package
        self._troubles = (package.errors.KeyringError, OSError, RuntimeError)

    def get(self, name: str) -> str | None:
        """Return a secret, `None` where there is none to be had."""
        with suppress(*self._troubles):
            found: str | None = self._package.get_password(SERVICE, name)
            return found
        return None

    def set(self, name: str, secret: str) -> bool:
        """Keep a secret; false when it cannot be."""
        with suppress(*self._troubles):
            self._package.set_password(SERVICE, name, secret)
            return True
        return False

    def delete(self, name: str) -> None:
        """Forget a secret; one that is not there is fine."""
        with suppress(*self._troubles):
            self._package.delete_password(SERVICE, name)

    @property
    def usable(self) -> bool:
        """Whether a backend is there that keeps secrets secret: `keyring` rates those 1 and up."""
        with suppress(*self._troubles):
            return float(self._package.get_keyring().priority) >= 1
        return False


def find_keyring() -> KeyringStore | None:
    """Return the keyring, or `None`."""
    if importlib.util.find_spec("keyring") is None:
        return None
    ring = KeyringStore(importlib.import_module("keyring"))
    return ring if ring.usable else None
