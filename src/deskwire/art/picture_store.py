"""Store of pictures in memory, at most 32 MiB.

A picture stays while a player names it and for 60 s afterwards. A full store drops unnamed
pictures, oldest first; a new picture that still does not fit is refused. There is no timer: expired
pictures are dropped at the next access.
"""

from collections.abc import Callable

from msgspec import Struct

from deskwire.art.picture import Art
from deskwire.model.readings import ArtKey
from deskwire.model.units import Bytes, Seconds

RETENTION = Seconds(60.0)
CAPACITY = Bytes(32 * 1024 * 1024)


class _Entry(Struct):
    art: Art
    references: int = 0
    until: float = 0.0
    """Time of expiry; meaningless while there are references."""


class PictureStore:
    """Pictures by key, with reference counts. Calls `dropped` for each that leaves the store."""

    def __init__(self, dropped: Callable[[ArtKey], None], now: Callable[[], float]) -> None:
        self._dropped = dropped
        self._now = now
        self._pictures: dict[ArtKey, _Entry] = {}
        self._size = 0

    @property
    def size(self) -> Bytes:
        """Size of all pictures in bytes."""
        return Bytes(self._size)

    def find(self, key: ArtKey) -> Art | None:
        """Return a picture, or `None`."""
        entry = self._pictures.get(key)
        if entry is None:
            return None
        if self._is_over(entry):
            self._drop(key)
            return None
        return entry.art

    def hold(self, key: ArtKey, art: Art) -> bool:
        """Store a picture and add a reference; return `False` if the store is full."""
        for other in [each for each, entry in self._pictures.items() if self._is_over(entry)]:
            self._drop(other)
        before = self._pictures.get(key)
        more = len(art.content) - (len(before.art.content) if before else 0)
        if not self._free_space(more, key):
            return False
        self._size += more
        self._pictures[key] = _Entry(art, before.references + 1 if before else 1)
        return True

    def release(self, key: ArtKey) -> None:
        """Remove one reference."""
        entry = self._pictures.get(key)
        if entry is not None and entry.references:
            entry.references -= 1
            entry.until = self._now() + RETENTION

    def _free_space(self, more: int, keep: ArtKey) -> bool:
        idle = [
            each for each, entry in self._pictures.items() if not entry.references and each != keep
        ]
        idle.sort(key=lambda each: self._pictures[each].until)
        to_spare = sum(len(self._pictures[each].art.content) for each in idle)
        if self._size - to_spare + more > CAPACITY:
            return False
        for oldest in idle:
            if self._size + more <= CAPACITY:
                break
            self._drop(oldest)
        return True

    def _is_over(self, entry: _Entry) -> bool:
        return not entry.references and entry.until < self._now()

    def _drop(self, key: ArtKey) -> None:
        self._size -= len(self._pictures.pop(key).art.content)
        self._dropped(key)
