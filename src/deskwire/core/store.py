"""The desk's present snapshot: each reading that differs makes a new one, a revision further."""

from typing import Any

import msgspec

from deskwire.model.readings import Snapshot


class Store:
    """One snapshot and how many came before it."""

    def __init__(self) -> None:
        self.snapshot = Snapshot()
        self.revision = 0

    def take(self, name: str, reading: Any) -> bool:
        """Put a device's reading in its place; `None` means absent. True if that changed anything.

        Raises `AttributeError` for a name that is no field of `Snapshot`.
        """
        value = _ABSENT.get(name) if reading is None else reading
        if getattr(self.snapshot, name) == value:
            return False
        self.snapshot = msgspec.structs.replace(self.snapshot, **{name: value})
        self.revision += 1
        return True

    def forget(self) -> None:
        """Let go of every reading: nobody watches, so they are true no longer."""
        self.snapshot = Snapshot()
        self.revision += 1


_ABSENT: dict[str, Any] = {"players": ()}
