"""A picture as sixels: bands of six rows, each colour of a band drawn over the band in turn.

Source: VT330/VT340 Programmer Reference Manual, chapter 14. Colours are per cent of red, green and
blue; runs are shortened with `!`. Every pixel is set, so what was beneath does not show through.
"""

import re

BAND = 6
RUN = re.compile(rb"(.)\1{3,}")
PRINTABLE = bytes((63 + each) & 0xFF for each in range(256))
FIRST_PRINTABLE = 63


def encode(width: int, height: int, palette: bytes, pixels: bytes) -> str:
    """Return the whole sequence; `palette` holds RGB triples, `pixels` an index each, row by row.

    No pixel's index is beyond the palette.
    """
    parts = [f'\x1bP0;1;0q"1;1;{width};{height}'.encode()]
    parts += [
        b"#%d;2;%d;%d;%d" % (each, *(_per_cent(part) for part in palette[3 * each : 3 * each + 3]))
        for each in sorted(set(pixels))
    ]
    for top in range(0, height, BAND):
        rows = [pixels[y * width : (y + 1) * width] for y in range(top, min(top + BAND, height))]
        parts.append(b"$".join(_colour(each, rows) for each in sorted(set(b"".join(rows)))))
        parts.append(b"-")
    return b"".join([*parts[:-1], b"\x1b\\"]).decode("ascii")


def _colour(number: int, rows: list[bytes]) -> bytes:
    """Return what one colour sets in a band: a character a column, bit 0 the uppermost row."""
    here = bytearray(256)
    here[number] = 1
    sixels = 0
    for bit, row in enumerate(rows):
        sixels |= int.from_bytes(row.translate(here)) << bit
    text = sixels.to_bytes(len(rows[0])).translate(PRINTABLE).rstrip(b"?")
    return b"#%d" % number + RUN.sub(_shortened, text)


def _shortened(run: "re.Match[bytes]") -> bytes:
    return b"!%d%s" % (len(run[0]), run[1])


def _per_cent(part: int) -> int:
    return round(part * 100 / 255)
