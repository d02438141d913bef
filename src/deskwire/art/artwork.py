"""The pictures that players name, kept as bytes.

A picture is read once, when it is named, because Chromium deletes the file at the next track; and
its path is from then on a key into what is kept here, never opened again. So whoever asks can be
given what a player names now or named within the last minute, and nothing else that is on the disk.
"""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from deskwire.art.art_url import Inline, Local, Remote, parse_address
from deskwire.art.cache import ArtCache
from deskwire.art.picture import Art, NotAPicture, make_art, read_picture
from deskwire.art.picture_pool import Job, PicturePool
from deskwire.art.picture_store import KeptPictures
from deskwire.model.readings import ArtKey

__all__ = ["Art", "Artwork", "Naming"]

Found = tuple[ArtKey, Art]
Read = Callable[[], Found]


class Artwork:
    """What is read and kept of the pictures that players name."""

    def __init__(
        self,
        cache: Path,
        *,
        fetch_remote: bool = False,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`cache` is a folder of our own for pictures that have no file.

        `fetch_remote` lets pictures be fetched from public addresses on the web.
        """
        self._cache = ArtCache(cache)
        self._fetch = remote_fetch() if fetch_remote else None
        self._kept = KeptPictures(self._on_dropped, now)
        self._by_url: dict[str, ArtKey] = {}
        self._pool: PicturePool[Found | None] = PicturePool()

    def find(self, key: str) -> Art | None:
        """Return a picture that is named now or was within the last minute; opens no file."""
        return self._kept.find(ArtKey(key))

    def name(self, address: str, settled: Callable[[], None]) -> "Naming":
        """Begin to read what a player names as its picture; `settled` is called when that ended."""
        naming = Naming(self._kept, self._pool, settled)
        match parse_address(address):
            case Local(path) as local:
                key = ArtKey(path)
                naming.read(lambda: (key, read_picture(local.raw)), path=local.raw)
            case Inline() as inline:
                naming.read(lambda: self._write(inline.content()))
            case Remote(url) if self._fetch is not None:
                self._name_remote(naming, url, self._fetch)
        return naming

    def _name_remote(self, naming: "Naming", url: str, fetch: Callable[[str], bytes]) -> None:
        key = self._by_url.get(url)
        art = self._kept.find(key) if key is not None else None
        if key is not None and art is not None:
            naming.take((key, art))
        else:
            naming.prompt = False
            naming.on_found = lambda found: self._by_url.update({url: found})
            naming.read(lambda: self._write(fetch(url)), host=urlsplit(url).hostname)

    def _write(self, content: bytes) -> Found:
        art = make_art(content)
        return self._cache.write(art), art

    def _on_dropped(self, key: ArtKey) -> None:
        if self._cache.holds(key):
            self._by_url = {url: its for url, its in self._by_url.items() if its != key}
            self._pool.submit(Job(partial(self._cache.remove, key), lambda _: None))


class Naming:
    """One picture as one player names it; `key` is set once its bytes are in hand."""

    def __init__(
        self,
        kept: KeptPictures,
        pool: PicturePool[Found | None],
        settled: Callable[[], None],
    ) -> None:
        self.key: ArtKey | None = None
        self.prompt = True
        """Whether it is a matter of milliseconds."""
        self.on_found: Callable[[ArtKey], object] = lambda _: None
        self._kept = kept
        self._pool = pool
        self._settled = settled
        self._path: bytes | None = None
        self._work: Read | None = None
        self._job: Job[Found | None] | None = None
        self._stale = False

    @property
    def settled(self) -> bool:
        """Whether nothing is being read."""
        return self._job is None

    def read(self, work: Read, *, path: bytes | None = None, host: str | None = None) -> None:
        """Have `work` done in the pool, and take what it finds."""
        self._path = path
        if path is not None:
            self._work = work
        self._job = Job(partial(found_or_none, work), self._on_read, path=path, host=host)
        self._pool.submit(self._job)

    def again(self) -> None:
        """Read a file anew: the player named it once more, it may have other bytes now."""
        if self._job is not None:
            self._stale = True
        elif self._work is not None:
            self.read(self._work, path=self._path)

    def take(self, found: Found) -> None:
        """Keep what was found under this naming."""
        key, art = found
        held = self._kept.hold(key, art)
        if self.key is not None:
            self._kept.release(self.key)
        self.key = key if held else None

    def drop(self) -> None:
        """Name it no more."""
        if self._job is not None:
            self._job.cancel()
            self._job = None
        if self.key is not None:
            self._kept.release(self.key)
            self.key = None

    def _on_read(self, found: Found | None) -> None:
        self._job = None
        if found is not None:
            self.take(found)
            self.on_found(found[0])
        if self._stale:
            self._stale = False
            self.again()
        self._settled()


def found_or_none(work: Read) -> Found | None:
    """Do it; what cannot be read, or is no picture, is nothing."""
    try:
        return work()
    except (OSError, NotAPicture):
        return None


def remote_fetch() -> Callable[[str], bytes]:
    """Return what fetches a picture from the web; with it comes TLS, so only when it is wanted."""
    from deskwire.art.remote import fetch  # noqa: PLC0415

    return fetch
