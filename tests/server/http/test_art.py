import io

from aiohttp.abc import AbstractStreamWriter

from deskwire.art.artwork import Art
from deskwire.server.http.art import PIECE, Picture

CONTENT = bytes(range(256)) * 300


class Written(AbstractStreamWriter):
    """What a peer is sent, and in what sizes."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.whole = io.BytesIO()

    async def write(self, chunk: "bytes | bytearray | memoryview[int]") -> None:
        """Take note."""
        self.sizes.append(len(chunk))
        self.whole.write(chunk)

    async def write_eof(self, chunk: bytes = b"") -> None:
        """Nothing follows."""

    async def drain(self) -> None:
        """Nothing is held."""

    def enable_compression(self, *_: object) -> None:
        """Nothing is packed."""

    def enable_chunking(self) -> None:
        """Its size is known."""

    async def write_headers(self, *_: object) -> None:
        """There are none."""


async def test_a_picture_goes_out_in_pieces_so_that_little_of_it_waits_for_a_slow_peer() -> None:
    picture, written = Picture(Art(CONTENT, "image/png", "tag")), Written()

    await picture.write(written)

    assert picture.size == len(CONTENT)
    assert written.whole.getvalue() == CONTENT
    assert max(written.sizes) == PIECE
