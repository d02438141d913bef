"""A terminal's screen with its pictures, as far as a full-screen program needs one.

Text and the cells it is in, sixels (which text written over them wipes out), and pictures in
kitty's protocol (which it does not). Sources: ECMA-48, xterm's ctlseqs, kitty's graphics protocol.
"""

import base64
import re
from typing import NamedTuple

from rich.cells import cell_len

from tests.support.sixels import Sixels, read_sixels

PIECE = re.compile(
    r"\x1bP(?P<dcs>[^\x1b]*)\x1b\\|\x1b_(?P<apc>[^\x1b]*)\x1b\\|\x1b\](?P<osc>[^\x07\x1b]*)(?:\x07|\x1b\\)"
    r"|\x1b\[(?P<mark>[<=>?]?)(?P<numbers>[0-9;]*)[ !\"$']?(?P<csi>[@-~])|\x1b(?P<esc>[78=>])"
    r"|(?P<control>[\r\n\x08\x0f])|(?P<text>[^\x00-\x1f\x7f])"
)


class Placed(NamedTuple):
    """A picture on the screen, in cells."""

    x: int
    y: int
    columns: int
    rows: int


class Glass:
    """One screen of a size, with cells of `cell` pixels."""

    def __init__(self, columns: int, rows: int, cell: tuple[int, int]) -> None:
        self.columns, self.rows, self.cell = columns, rows, cell
        self.events: list[str] = []
        """What became of pictures and of the screen, in order."""
        self.sixels: Sixels | None = None
        """The last that was drawn."""
        self.sent: dict[str, bytes] = {}
        """Pictures in kitty's protocol, by number."""
        self.placed: dict[str, Placed] = {}
        self.longest_chunk = 0
        self._cells: dict[tuple[int, int], str] = {}
        self._drawn: set[tuple[int, int]] = set()
        self._x = self._y = 0
        self._kept = (0, 0)
        self._sending = ""
        self._chunks: list[str] = []

    @property
    def text(self) -> str:
        """What is written on it."""
        return "\n".join(
            "".join(self._cells.get((x, y), " ") for x in range(self.columns)).rstrip()
            for y in range(self.rows)
        )

    @property
    def covered(self) -> set[tuple[int, int]]:
        """The cells, column and row, in which a picture is seen."""
        kitty = {
            (x, y)
            for each in self.placed.values()
            for x in range(each.x, each.x + each.columns)
            for y in range(each.y, each.y + each.rows)
        }
        return kitty | self._drawn

    def feed(self, text: str) -> str:
        """Take what was written; return the rest that is not whole yet."""
        at = 0
        while at < len(text):
            piece = PIECE.match(text, at)
            if piece is None:
                rest = text[at:]
                assert rest[0] == "\x1b", f"not understood: {rest[:60]!r}"
                assert not re.match(r"\x1b\[[0-9;]*[^0-9;<=>?!\"$' -/]", rest), repr(rest[:60])
                return rest
            at = piece.end()
            self._take(piece)
        return ""

    def _take(self, piece: "re.Match[str]") -> None:
        if piece["text"]:
            self._write(piece["text"])
        elif piece["csi"]:
            self._csi(piece["mark"], piece["numbers"], piece["csi"])
        elif piece["apc"] and piece["apc"].startswith("G"):
            self._kitty(piece["apc"][1:])
        elif piece["dcs"] is not None:
            self._sixel(piece[0])
        elif piece["esc"] == "7":
            self._kept = (self._x, self._y)
        elif piece["esc"] == "8":
            self._x, self._y = self._kept
        elif piece["control"] == "\n":
            self._y += 1
        elif piece["control"] == "\r":
            self._x = 0

    def _write(self, character: str) -> None:
        wide = cell_len(character)
        for each in range(wide):
            at = (self._x + each, self._y)
            self._cells[at] = character if not each else ""
            self._drawn.discard(at)
        self._x += wide

    def _csi(self, mark: str, numbers: str, final: str) -> None:
        given = [int(each or 0) for each in numbers.split(";")]
        many = given[0] or 1
        if mark == "?" and final in "hl" and given == [1049]:
            self.events.append("opened" if final == "h" else "left")
            self._cells.clear()
            self._drawn.clear()
        if mark:
            return
        if final in "Hf":
            self._y, self._x = many - 1, [*given, 1][1] - 1
        elif final == "C":
            self._x += many
        elif final == "B":
            self._y += many
        elif final == "X":
            for x in range(self._x, self._x + many):
                self._cells.pop((x, self._y), None)
                self._drawn.discard((x, self._y))

    def _sixel(self, sequence: str) -> None:
        self.sixels = read_sixels(sequence)
        wide, high = self.cell
        columns, rows = -(-self.sixels.width // wide), -(-self.sixels.height // high)
        assert self._y + rows < self.rows, "it would scroll"
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
        assert read["q"] == "2", "its answers would be read as keys"
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
            self.placed[read["i"]] = Placed(self._x, self._y, int(read["c"]), int(read["r"]))
            self.events.append("placed")
        elif read["a"] == "d":
            self.placed.pop(read["i"], None)
            if read["d"] == "I":
                self.sent.pop(read["i"], None)
                self.events.append("forgotten")
