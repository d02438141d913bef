"""Chromium with a page that plays two tracks and describes them by the Media Session API.

The page is one file with sound and pictures inside, so it needs no server. `nexttrack` and
`previoustrack` move between the tracks. Chromium stores the picture as a temporary file and deletes
it when the track changes.

Source: W3C Media Session; MPRIS of Debian's Chromium.
"""

import base64
import json
import os
import re
import signal
from pathlib import Path

from tests.support.buses import PROPERTIES, PrivateBus
from tests.support.media import Media, Track
from tests.support.processes import Program, start_silent
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
KINDS = {".png": "image/png", ".jpg": "image/jpeg", ".mp3": "audio/mpeg"}


class Chromium(Program):
    """One browser on a bus with one page."""

    def __init__(self, bus: PrivateBus, media: Media) -> None:
        super().__init__("chromium")
        self.bus = bus
        self._media = media

    @property
    def name(self) -> str:
        """Well-known bus name."""
        return f"org.mpris.MediaPlayer2.chromium.instance{self.pid}"

    @property
    def picture(self) -> Path | None:
        """Temporary file with the picture of the current track."""
        words = (f"{PROPERTIES}.Get", "org.mpris.MediaPlayer2.Player", "Metadata")
        reply = self.bus.call(self.name, "/org/mpris/MediaPlayer2", *words)
        found = re.search(r"file://(/tmp/\.org\.chromium\.Chromium\.\w+)", reply)
        return Path(found[1]) if found else None

    def end(self, signal_: signal.Signals) -> None:
        """End all processes of the browser at once."""
        del signal_
        if self.process is not None and self.running:
            os.killpg(self.pid, signal.SIGKILL)
            self.process.wait(5)

    def start(self) -> None:
        page = self.folder / "page.html"
        page.write_text(make_page(self._media), encoding="utf-8")
        self.process = start_silent(
            ["chromium", *FLAGS, f"--user-data-dir={self.folder}", page.as_uri()],
            self.bus.env({**os.environ, "HOME": str(self.folder), "TMPDIR": "/tmp"}),
            new_session=True,
        )
        until(lambda: self.bus.has(self.name), within=20, what="Chromium is on the bus")

    def __exit__(self, *_: object) -> None:
        picture = self.picture
        super().__exit__()
        if picture is not None:
            picture.unlink(missing_ok=True)


def make_page(media: Media) -> str:
    """Return the page; its first track has the other cover, its second the first one's."""
    pictures = ((media.first, media.other_cover), (media.second, media.cover))
    tracks = [metadata(track, picture) for track, picture in pictures]
    return PAGE % {"sound": data_url(media.bare.file), "tracks": json.dumps(tracks)}


def metadata(track: Track, picture: Path) -> dict[str, object]:
    """Return the argument of `MediaMetadata`."""
    return {
        "title": track.title,
        "artist": track.artist,
        "album": track.album,
        "artwork": [{"src": data_url(picture), "sizes": "300x300"}],
    }


def data_url(file: Path) -> str:
    content = base64.b64encode(file.read_bytes()).decode()
    return f"data:{KINDS[file.suffix]};base64,{content}"
