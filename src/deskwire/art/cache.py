"""Files for pictures that have none: pictures in an address and from the web.

The daemon never reads these files. They give such a picture a path, as every other picture has. The
directory holds only current pictures: files of an earlier run are removed before the first write.
All methods block, so call them in a thread.
"""

import re
import threading
from contextlib import suppress
from pathlib import Path

from deskwire.art.picture import Art
from deskwire.model.readings import ArtKey
from deskwire.private_files import write_private_file

ENDINGS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/avif": "avif",
}
OURS = re.compile(r"\.?[0-9a-f]{32}\.(?:" + "|".join(ENDINGS.values()) + r")(?:\.\w+)?")
"""Names of the files, complete or temporary."""


class ArtCache:
    """Pictures as files in `folder`, named by their content."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self._tidy = threading.Lock()
        self._tidied = False

    def holds(self, key: ArtKey) -> bool:
        """Whether the picture's file is one of these."""
        return Path(key).parent == self.folder

    def write(self, art: Art) -> ArtKey:
        """Write a picture, unless it is there, and return its path.

        A disk that is full or gone does not matter: the bytes are in memory.
        """
        path = self.folder / f"{art.etag}.{ENDINGS[art.media_type]}"
        with suppress(OSError):
            self._prepare()
            if not path.exists():
                write_private_file(path, art.content, durable=False)
        return ArtKey(str(path))

    def remove(self, key: ArtKey) -> None:
        """Remove the file of a picture that is not entry any more."""
        with suppress(OSError):
            Path(key).unlink()

    def _prepare(self) -> None:
        with self._tidy:
            if self._tidied:
                return
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for left in self.folder.iterdir():
                if OURS.fullmatch(left.name):
                    left.unlink()
            self._tidied = True
