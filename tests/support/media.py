"""Tagged tracks with covers, made by ffmpeg once per test run, and headers of picture formats.

The tracks are silent and long, so that none ends during a test. Their tags are the example of the
wire contract. mpv's MPRIS plug-in finds a cover if it is the only picture in the folder.
"""

import subprocess
from pathlib import Path
from typing import NamedTuple

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01"
JPEG = b"\xff\xd8\xff\xe0\x00\x02\xff\xc0\x00\x08\x08\x00\x01\x00\x01\x00"
GIF = b"GIF89a\x01\x00\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00"
WEBP = b"RIFF\x16\x00\x00\x00WEBPVP8L\x0a\x00\x00\x00\x2f" + bytes(9)
AVIF = (
    b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1avifmiaf"
    b"\x00\x00\x00\x20meta\x00\x00\x00\x00\x00\x00\x00\x14ispe\x00\x00\x00\x00"
    b"\x00\x00\x00\x01\x00\x00\x00\x01"
)
KINDS = {
    "image/png": PNG,
    "image/jpeg": JPEG,
    "image/gif": GIF,
    "image/webp": WEBP,
    "image/avif": AVIF,
}
"""Headers of pictures of one pixel, which no decoder accepts."""
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


class Track(NamedTuple):
    """A file and its tags."""

    file: Path
    title: str
    artist: str
    album: str
    seconds: int


class Media(NamedTuple):
    """All media files of a test run."""

    first: Track
    second: Track
    bare: Track
    """Without tags, in a folder without a cover."""
    cover: Path
    """JPEG beside `first` and `second`."""
    other_cover: Path
    """PNG in another folder."""

    @property
    def cover_bytes(self) -> bytes:
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
    """Run ffmpeg; fail with its error output."""
    done = subprocess.run(
        ["ffmpeg", "-v", "error", "-nostdin", "-y", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
