"""Tagged tracks and a cover beside them, made by ffmpeg once a test run.

The tracks are silent and long, so that none ends while a test looks at it. Their tags are the
example of the wire contract; the cover is the only picture in its folder, which is where mpv's
MPRIS plug-in looks for one.
"""

import subprocess
from pathlib import Path
from typing import NamedTuple


class Track(NamedTuple):
    """One file and its tags."""

    file: Path
    title: str
    artist: str
    album: str
    seconds: int


class Media(NamedTuple):
    """What a test may play."""

    first: Track
    second: Track
    bare: Track
    """No tags at all, in a folder without a picture."""
    cover: Path
    """JPEG beside `first` and `second`."""
    other_cover: Path
    """PNG in a folder of its own."""

    @property
    def cover_bytes(self) -> bytes:
        """The bytes of the cover."""
        return self.cover.read_bytes()


def make_media(folder: Path) -> Media:
    """Make the files in `folder`; takes about a second."""
    album, other = folder / "fallen", folder / "other"
    album.mkdir(parents=True)
    other.mkdir()
    first = Track(album / "01.mp3", "The Reason", "Hoobastank", "Fallen", 232)
    second = Track(album / "02.mp3", "Going Under", "Evanescence", "Origin", 215)
    bare = Track(other / "untagged tune.mp3", "", "", "", 61)
    for track in (first, second, bare):
        make_track(track)
    cover, other_cover = album / "cover.jpg", other / "picture.png"
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=300x300:d=1", "-frames:v", "1", str(cover))
    ffmpeg("-f", "lavfi", "-i", "color=c=blue:s=300x300:d=1", "-frames:v", "1", str(other_cover))
    return Media(first, second, bare, cover, other_cover)


def make_track(track: Track) -> None:
    """Make one silent MP3 with ID3v2.3 tags."""
    tags = {"title": track.title, "artist": track.artist, "album": track.album}
    ffmpeg(
        *("-f", "lavfi", "-i", "anullsrc=r=22050:cl=mono", "-t", str(track.seconds)),
        *("-c:a", "libmp3lame", "-b:a", "16k", "-id3v2_version", "3"),
        *(word for key, tag in tags.items() if tag for word in ("-metadata", f"{key}={tag}")),
        str(track.file),
    )


def ffmpeg(*arguments: str) -> None:
    """Run ffmpeg quietly; what it says goes into the error."""
    done = subprocess.run(
        ["ffmpeg", "-v", "error", "-nostdin", "-y", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
