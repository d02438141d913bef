"""The pictures in hand: those named now, and for a minute those that were.

At most 32 MiB together. When it is full those go first that nobody names, oldest first; a new
picture for which there is still no room is not taken. Nothing runs by a timer: what is too old goes
when it is asked for or another comes.
"""

from collections.abc import Callable

from msgspec import Struct

from deskwire.art.picture import Art
from deskwire.model.readings import ArtKey
from deskwire.model.units import Bytes, Seconds

KEPT_FOR = Seconds(60.0)
KEPT_IN_ALL = Bytes(32 * 1024 * 1024)


class _Kept(Struct):
    art: Art
    namings: int = 0
    until: float = 0.0
    """When it goes; of no account while it is named."""


class KeptPictures:
    """Pictures by key; `dropped` is told of each that goes, `now` is any clock that goes on."""

    def __init__(self, dropped: Callable[[ArtKey], None], now: Callable[[], float]) -> None:
        self._dropped = dropped
        self._now = now
        self._kept: dict[ArtKey, _Kept] = {}
        self._size = 0

    @property
    def size(self) -> Bytes:
        """Bytes of all pictures together."""
        return Bytes(self._size)

    def find(self, key: ArtKey) -> Art | None:
        """Return a picture, or `None`."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if self._is_over(kept):
            self._drop(key)
            return None
        return kept.art

    def hold(self, key: ArtKey, art: Art) -> bool:
        """Keep what is named once more, with these bytes; `False` when there is no room for it."""
        for other in [each for each, kept in self._kept.items() if self._is_over(kept)]:
            self._drop(other)
        before = self._kept.get(key)
        more = len(art.content) - (len(before.art.content) if before else 0)
        if not self._make_room(more, key):
            return False
        self._size += more
        self._kept[key] = _Kept(art, before.namings + 1 if before else 1)
        return True

    def release(self, key: ArtKey) -> None:
        """Have it named once less."""
        kept = self._kept.get(key)
        if kept is not None and kept.namings:
            kept.namings -= 1
            kept.until = self._now() + KEPT_FOR

    def _make_room(self, more: int, keep: ArtKey) -> bool:
        idle = [each for each, kept in self._kept.items() if not kept.namings and each != keep]
        idle.sort(key=lambda each: self._kept[each].until)
        to_spare = sum(len(self._kept[each].art.content) for each in idle)
        if self._size - to_spare + more > KEPT_IN_ALL:
            return False
        for oldest in idle:
            if self._size + more <= KEPT_IN_ALL:
                break
            self._drop(oldest)
        return True

    def _is_over(self, kept: _Kept) -> bool:
        return not kept.namings and kept.until < self._now()

    def _drop(self, key: ArtKey) -> None:
        self._size -= len(self._kept.pop(key).art.content)
        self._dropped(key)
