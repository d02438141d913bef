"""Registry of the pictures that players name, with their bytes.

A picture is read when a player names it, because Chromium deletes the file at the next track. It is
read again a few times within some seconds, because some players write a cover late, or overwrite
the cover of the last track. Otherwise its path is only a key: no request of a client opens a file.
A client can therefore get pictures that a player names now or named within the last minute, and no
other file.
"""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from deskwire.art.art_url import Inline, Local, Remote, parse_address
from deskwire.art.cache import ArtCache
from deskwire.art.picture import Art, NotAPicture, make_art, read_picture
from deskwire.art.picture_pool import Job, PicturePool
from deskwire.art.picture_store import PictureStore
from deskwire.model.readings import ArtKey

__all__ = ["Art", "Artwork", "NamedPicture"]

LOOK_AGAIN = (0.5, 1.0, 2.5, 5.0)
"""Pauses between the reads of a file after a player named it, in seconds."""

Found = tuple[ArtKey, Art]
Read = Callable[[], Found]


class Artwork:
    """Reads and stores the pictures that players name."""

    def __init__(
        self,
        cache: Path,
        *,
        fetch_remote: bool = False,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Store pictures without a file in the directory `cache`.

        With `fetch_remote`, pictures at public web addresses are fetched.
        """
        self._cache = ArtCache(cache)
        self._fetch = remote_fetch() if fetch_remote else None
        self._pictures = PictureStore(self._on_dropped, now)
        self._by_url: dict[str, ArtKey] = {}
        self._pool: PicturePool[Found | None] = PicturePool()

    def find(self, key: str) -> Art | None:
        """Return a picture that is named now or was within the last minute, else `None`.

        Opens no file.
        """
        return self._pictures.find(ArtKey(key))

    def name(self, address: str, on_read: Callable[[], None]) -> "NamedPicture":
        """Start to read the picture at `address`; `on_read` is called when the read ended."""
        picture = NamedPicture(self._pictures, self._pool, on_read)
        match parse_address(address):
            case Local(path) as local:
                key = ArtKey(path)
                picture.read(lambda: (key, read_picture(local.raw)), path=local.raw)
            case Inline() as inline:
                picture.read(lambda: self._write(inline.content()))
            case Remote(url) if self._fetch is not None:
                self._name_remote(picture, url, self._fetch)
        return picture

    def _name_remote(
        self, picture: "NamedPicture", url: str, fetch: Callable[[str], bytes]
    ) -> None:
        key = self._by_url.get(url)
        art = self._pictures.find(key) if key is not None else None
        if key is not None and art is not None:
            picture.take((key, art))
        else:
            picture.prompt = False
            picture.on_found = lambda found: self._by_url.update({url: found})
            picture.read(lambda: self._write(fetch(url)), host=urlsplit(url).hostname)

    def _write(self, content: bytes) -> Found:
        art = make_art(content)
        return self._cache.write(art), art

    def _on_dropped(self, key: ArtKey) -> None:
        if self._cache.holds(key):
            self._by_url = {url: its for url, its in self._by_url.items() if its != key}
            self._pool.submit(Job(partial(self._cache.remove, key), lambda _: None))


class NamedPicture:
    """One picture that one player names; `key` is set once its bytes are stored."""

    def __init__(
        self,
        pictures: PictureStore,
        pool: PicturePool[Found | None],
        on_read: Callable[[], None],
    ) -> None:
        self.key: ArtKey | None = None
        self.version: str | None = None
        """Hash of the content; `None` without a key."""
        self.prompt = True
        """Whether the picture is expected within milliseconds."""
        self.on_found: Callable[[ArtKey], object] = lambda _: None
        self._pictures = pictures
        self._pool = pool
        self._notify = on_read
        self._path: bytes | None = None
        self._work: Read | None = None
        self._job: Job[Found | None] | None = None
        self._stale = False
        self._looks: list[float] = []
        """Pauses before the reads that are still to come."""
        self._timer: asyncio.TimerHandle | None = None

    @property
    def idle(self) -> bool:
        """Whether no read is running."""
        return self._job is None

    def read(self, work: Read, *, path: bytes | None = None, host: str | None = None) -> None:
        """Run `work` in the pool and store its result; a file is read again later."""
        self._path = path
        if path is not None:
            self._work = work
            self._looks = list(LOOK_AGAIN)
        self._submit(work, path=path, host=host)

    def _submit(self, work: Read, *, path: bytes | None, host: str | None = None) -> None:
        self._stop_timer()
        self._job = Job(partial(found_or_none, work), self._on_read, path=path, host=host)
        self._pool.submit(self._job)

    def recheck(self) -> None:
        """Read the file again, because the player named it again and it may have changed."""
        if self._job is not None:
            self._stale = True
        elif self._work is not None:
            self.read(self._work, path=self._path)

    def take(self, found: Found) -> None:
        """Store a result as this picture."""
        key, art = found
        held = self._pictures.hold(key, art)
        if self.key is not None:
            self._pictures.release(self.key)
        self.key = key if held else None
        self.version = art.etag if held else None

    def release(self) -> None:
        """Release the picture and cancel a running read."""
        self._stop_timer()
        if self._job is not None:
            self._job.cancel()
            self._job = None
        if self.key is not None:
            self._pictures.release(self.key)
            self.key = None

    def _on_read(self, found: Found | None) -> None:
        self._job = None
        if found is not None and (self.key, self.version) != (found[0], found[1].etag):
            self.take(found)
            self.on_found(found[0])
        if self._stale:
            self._stale = False
            self.recheck()
        elif self._looks and self._work is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._looks.pop(0), self._look_again, self._work)
        self._notify()

    def _look_again(self, work: Read) -> None:
        self._submit(work, path=self._path)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def found_or_none(work: Read) -> Found | None:
    """Run `work`; return `None` if the file cannot be read or is not a picture."""
    try:
        return work()
    except (OSError, NotAPicture):
        return None


def remote_fetch() -> Callable[[str], bytes]:
    """Return the function that fetches pictures; imported late because it loads TLS."""
    from deskwire.art.remote import fetch  # noqa: PLC0415

    return fetch
