"""A picture read back from sixels, as a terminal does it; knows nothing of deskwire's code.

Source: VT330/VT340 Programmer Reference Manual, chapter 14.
"""

import re
from typing import NamedTuple

Rgb = tuple[int, int, int]
TOKEN = re.compile(
    r'"(?P<raster>[0-9;]+)|#(?P<define>\d+;2;\d+;\d+;\d+)|#(?P<use>\d+)'
    r"|!(?P<many>\d+)(?P<run>[?-~])|(?P<one>[?-~])|(?P<back>\$)|(?P<down>-)"
)


class Sixels(NamedTuple):
    """What was drawn."""

    width: int
    height: int
    pixels: dict[tuple[int, int], Rgb]
    """Column and row from the top to red, green and blue in per cent."""


def read_sixels(text: str) -> Sixels:
    """Read a whole sequence; anything in it that is no sixel fails."""
    found = re.fullmatch(r"\x1bP[0-9;]*q(.*)\x1b\\", text, re.DOTALL)
    assert found, text[:60]
    width = height = x = y = 0
    colours: dict[int, Rgb] = {}
    colour = 0
    pixels: dict[tuple[int, int], Rgb] = {}
    at = 0
    for token in TOKEN.finditer(found[1]):
        assert token.start() == at, found[1][at : token.start()]
        at = token.end()
        if token["raster"]:
            _, _, width, height = map(int, token["raster"].split(";"))
        elif token["define"]:
            colour, _, *parts = map(int, token["define"].split(";"))
            colours[colour] = (parts[0], parts[1], parts[2])
        elif token["use"]:
            colour = int(token["use"])
        elif token["back"]:
            x = 0
        elif token["down"]:
            x, y = 0, y + 6
        else:
            bits = ord(token["run"] or token["one"]) - 63
            many = int(token["many"] or 1)
            set_ = [y + bit for bit in range(6) if bits >> bit & 1]
            pixels |= {(each, row): colours[colour] for each in range(x, x + many) for row in set_}
            x += many
    assert at == len(found[1]), found[1][at:]
    return Sixels(width, height, pixels)
