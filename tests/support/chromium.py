"""Chromium playing a page that says what it plays, through the page's Media Session.

The page is one file: sound and pictures are inside it, so no server is needed. It plays two
tracks; `nexttrack` and `previoustrack` move between them. Chromium keeps the picture as a
temporary file and deletes it when the track changes.

Source: W3C Media Session; MPRIS as Debian's Chromium serves it.
"""

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.buses import PrivateBus
from tests.support.media import Media, Track
from tests.support.waiting import until

PAGE = """\
<!doctype html><meta charset="utf-8"><title>a page that plays</title>
<audio id="sound" loop src="%(sound)s"></audio>
<script>
const tracks = %(tracks)s;
let playing = 0;
function show(step) {
  playing = (playing + step + tracks.length) %% tracks.length;
  navigator.mediaSession.metadata = new MediaMetadata(tracks[playing]);
}
navigator.mediaSession.setActionHandler("nexttrack", () => show(1));
navigator.mediaSession.setActionHandler("previoustrack", () => show(-1));
show(0);
sound.play();
</script>
"""
FLAGS = (
    "--headless=new",
    "--no-sandbox",  # root has none
    "--no-first-run",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--autoplay-policy=no-user-gesture-required",
)


class Chromium:
    """One browser on `bus` with one page that plays `media`'s two tracks."""

    def __init__(self, bus: PrivateBus, media: Media) -> None:
        self.bus = bus
        self._media = media
        self._folder = Path()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        """Well-known bus name."""
        assert self._process is not None
        return f"org.mpris.MediaPlayer2.chromium.instance{self._process.pid}"

    @property
    def picture(self) -> Path | None:
        """The file that the picture of the present track is in."""
        said = self.bus.ask(
            self.name,
            "/org/mpris/MediaPlayer2",
            "org.freedesktop.DBus.Properties.Get",
            "org.mpris.MediaPlayer2.Player",
            "Metadata",
        )
        found = re.search(r"file://(/tmp/\.org\.chromium\.Chromium\.\w+)", said)
        return Path(found[1]) if found else None

    def kill(self) -> None:
        """End the browser and all its processes with no good-bye."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(5)

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="chromium-"))
        page = self._folder / "page.html"
        page.write_text(make_page(self._media), encoding="utf-8")
        self._process = subprocess.Popen(
            ["chromium", *FLAGS, f"--user-data-dir={self._folder}", page.as_uri()],
            env=self.bus.env({**os.environ, "HOME": str(self._folder), "TMPDIR": "/tmp"}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        until(lambda: self.bus.has(self.name), within=20, what="Chromium is on the bus")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        left = self.picture
        self.kill()
        if left is not None:
            left.unlink(missing_ok=True)
        shutil.rmtree(self._folder, ignore_errors=True)


def make_page(media: Media) -> str:
    """Return the page; the first track has the other cover, the second the first's."""
    pictures = ((media.first, media.other_cover), (media.second, media.cover))
    tracks = [metadata(track, picture) for track, picture in pictures]
    return PAGE % {"sound": inlined(media.bare.file), "tracks": json.dumps(tracks)}


def metadata(track: Track, picture: Path) -> dict[str, object]:
    """Return what `MediaMetadata` takes."""
    return {
        "title": track.title,
        "artist": track.artist,
        "album": track.album,
        "artwork": [{"src": inlined(picture), "sizes": "300x300"}],
    }


def inlined(file: Path) -> str:
    """Return a file as a `data:` address."""
    kind = {".png": "image/png", ".jpg": "image/jpeg", ".mp3": "audio/mpeg"}[file.suffix]
    return f"data:{kind};base64,{base64.b64encode(file.read_bytes()).decode()}"
