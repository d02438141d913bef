"""Terminal emulator with pictures, as far as a full-screen program needs it.

It keeps text cells, sixel pictures, which text overwrites, and pictures of kitty's protocol, which
text does not. It imports nothing of deskwire. Sources: ECMA-48, xterm's ctlseqs, kitty's graphics
protocol, VT330/VT340 Programmer Reference Manual, chapter 14.
"""

import base64
import re
from typing import NamedTuple

from rich.cells import cell_len

SEQUENCE = re.compile(
    r"\x1bP(?P<dcs>[^\x1b]*)\x1b\\|\x1b_(?P<apc>[^\x1b]*)\x1b\\|\x1b\](?P<osc>[^\x07\x1b]*)(?:\x07|\x1b\\)"
    r"|\x1b\[(?P<mark>[<=>?]?)(?P<numbers>[0-9;]*)[ !\"$']?(?P<csi>[@-~])|\x1b(?P<esc>[78=>])"
    r"|(?P<control>[\r\n\x08\x0f])|(?P<text>[^\x00-\x1f\x7f])"
)
SIXEL_TOKEN = re.compile(
    r'"(?P<raster>[0-9;]+)|#(?P<define>\d+;2;\d+;\d+;\d+)|#(?P<use>\d+)'
    r"|!(?P<many>\d+)(?P<run>[?-~])|(?P<one>[?-~])|(?P<back>\$)|(?P<down>-)"
)
Rgb = tuple[int, int, int]


class Sixels(NamedTuple):
    """Picture that was drawn with sixels."""

    width: int
    height: int
    pixels: dict[tuple[int, int], Rgb]
    """Column and row from the top to red, green and blue in per cent."""


class PlacedPicture(NamedTuple):
    """Picture of kitty's protocol on the screen, in cells."""

    x: int
    y: int
    columns: int
    rows: int


class TerminalScreen:
    """The screen; `cell` is the size of a cell in pixels."""

    def __init__(self, columns: int, rows: int, cell: tuple[int, int]) -> None:
        self.columns, self.rows, self.cell = columns, rows, cell
        self.events: list[str] = []
        """`opened` and `left` of the alternate screen; `drawn`, `sent`, `placed`, `forgotten`."""
        self.sixels: Sixels | None = None
        """The last sixel picture."""
        self.sent: dict[str, bytes] = {}
        """Pictures of kitty's protocol by number."""
        self.placed: dict[str, PlacedPicture] = {}
        self.longest_chunk = 0
        self._cells: dict[tuple[int, int], str] = {}
        self._drawn: set[tuple[int, int]] = set()
        self._x = self._y = 0
        self._saved_cursor = (0, 0)
        self._sending = ""
        self._chunks: list[str] = []

    @property
    def text(self) -> str:
        """All lines of text."""
        return "\n".join(
            "".join(self._cells.get((x, y), " ") for x in range(self.columns)).rstrip()
            for y in range(self.rows)
        )

    @property
    def covered(self) -> set[tuple[int, int]]:
        """Cells, as column and row, that show a picture."""
        kitty = {
            (x, y)
            for each in self.placed.values()
            for x in range(each.x, each.x + each.columns)
            for y in range(each.y, each.y + each.rows)
        }
        return kitty | self._drawn

    def feed(self, text: str) -> str:
        """Process output; return its incomplete end."""
        at = 0
        while at < len(text):
            found = SEQUENCE.match(text, at)
            if found is None:
                rest = text[at:]
                assert rest[0] == "\x1b", f"not understood: {rest[:60]!r}"
                assert not re.match(r"\x1b\[[0-9;]*[^0-9;<=>?!\"$' -/]", rest), repr(rest[:60])
                return rest
            at = found.end()
            self._process(found)
        return ""

    def _process(self, found: "re.Match[str]") -> None:
        if found["text"]:
            self._write(found["text"])
        elif found["csi"]:
            self._csi(found["mark"], found["numbers"], found["csi"])
        elif found["apc"] and found["apc"].startswith("G"):
            self._kitty(found["apc"][1:])
        elif found["dcs"] is not None:
            self._sixel(found[0])
        elif found["esc"] == "7":
            self._saved_cursor = (self._x, self._y)
        elif found["esc"] == "8":
            self._x, self._y = self._saved_cursor
        elif found["control"] == "\n":
            self._y += 1
        elif found["control"] == "\r":
            self._x = 0

    def _write(self, character: str) -> None:
        width = cell_len(character)
        for each in range(width):
            at = (self._x + each, self._y)
            self._cells[at] = character if not each else ""
            self._drawn.discard(at)
        self._x += width

    def _csi(self, mark: str, numbers: str, final: str) -> None:
        values = [int(each or 0) for each in numbers.split(";")]
        count = values[0] or 1
        if mark == "?" and final in "hl" and values == [1049]:
            self.events.append("opened" if final == "h" else "left")
            self._cells.clear()
            self._drawn.clear()
        if mark:
            return
        if final in "Hf":
            self._y, self._x = count - 1, [*values, 1][1] - 1
        elif final == "C":
            self._x += count
        elif final == "B":
            self._y += count
        elif final == "X":
            for x in range(self._x, self._x + count):
                self._cells.pop((x, self._y), None)
                self._drawn.discard((x, self._y))

    def _sixel(self, sequence: str) -> None:
        self.sixels = read_sixels(sequence)
        width, height = self.cell
        columns, rows = -(-self.sixels.width // width), -(-self.sixels.height // height)
        assert self._y + rows < self.rows, "the picture would scroll"
        self._drawn |= {
            (x, y)
            for x in range(self._x, self._x + columns)
            for y in range(self._y, self._y + rows)
        }
        self.events.append("drawn")

    def _kitty(self, command: str) -> None:
        keys, _, payload = command.partition(";")
        read = dict(each.split("=") for each in keys.split(","))
        if read.get("a") == "q":
            return
        assert read["q"] == "2", "an answer would be read as keys"
        self.longest_chunk = max(self.longest_chunk, len(payload))
        if read.get("a") == "t":
            assert read["f"] == "100"
            self._sending, self._chunks = read["i"], []
        if "m" in read:
            self._chunks.append(payload)
            if read["m"] == "0":
                self.sent[self._sending] = base64.b64decode("".join(self._chunks), validate=True)
                self.events.append("sent")
        elif read["a"] == "p":
            assert read["i"] in self.sent
            assert read["C"] == "1"
            size = int(read["c"]), int(read["r"])
            self.placed[read["i"]] = PlacedPicture(self._x, self._y, *size)
            self.events.append("placed")
        elif read["a"] == "d":
            self.placed.pop(read["i"], None)
            if read["d"] == "I":
                self.sent.pop(read["i"], None)
                self.events.append("forgotten")


def read_sixels(text: str) -> Sixels:
    """Read a complete sequence; fail at anything that is no sixel."""
    found = re.fullmatch(r"\x1bP[0-9;]*q(.*)\x1b\\", text, re.DOTALL)
    assert found, text[:60]
    width = height = x = y = 0
    colours: dict[int, Rgb] = {}
    colour = 0
    pixels: dict[tuple[int, int], Rgb] = {}
    at = 0
    for token in SIXEL_TOKEN.finditer(found[1]):
        assert token.start() == at, found[1][at : token.start()]
        at = token.end()
        if token["raster"]:
            _, _, width, height = map(int, token["raster"].split(";"))
        elif token["define"]:
            colour, _, red, green, blue = map(int, token["define"].split(";"))
            colours[colour] = (red, green, blue)
        elif token["use"]:
            colour = int(token["use"])
        elif token["back"]:
            x = 0
        elif token["down"]:
            x, y = 0, y + 6
        else:
            bits = ord(token["run"] or token["one"]) - 63
            many = int(token["many"] or 1)
            rows = [y + bit for bit in range(6) if bits >> bit & 1]
            pixels |= {(each, row): colours[colour] for each in range(x, x + many) for row in rows}
            x += many
    assert at == len(found[1]), found[1][at:]
    return Sixels(width, height, pixels)
