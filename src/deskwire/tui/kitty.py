"""A picture in the graphics protocol of kitty, which Ghostty, WezTerm and Konsole speak too.

Source: https://sw.kovidgoyal.net/kitty/graphics-protocol/. The picture is sent once, in chunks,
then placed by its number as often as its line is painted; the terminal scales it to the cells. It
is asked to answer nothing, for an answer would be read as keys.
"""

import base64
import itertools

NUMBER = 0x6465736B
"""Ours on this terminal: one picture at a time."""
CHUNK = 4096
"""Bytes of base64 in one sequence, at most."""


def question() -> str:
    """Ask whether it is spoken: a terminal that does answers `OK` with our number."""
    return f"\x1b_Gi={NUMBER},s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\"


def send(png: bytes) -> str:
    """Hand a picture over, in the place of the one before."""
    text = base64.b64encode(png).decode("ascii")
    chunks = [text[at : at + CHUNK] for at in range(0, len(text), CHUNK)] or [""]
    first = [f"a=t,i={NUMBER},f=100,q=2,", *itertools.repeat("q=2,", len(chunks) - 1)]
    more = [*itertools.repeat(1, len(chunks) - 1), 0]
    return forget() + "".join(
        f"\x1b_G{keys}m={more_come};{chunk}\x1b\\"
        for keys, more_come, chunk in zip(first, more, chunks, strict=True)
    )


def place(columns: int, rows: int) -> str:
    """Show the picture at the cursor, in so many cells, and nowhere else; the cursor stays."""
    return (
        f"\x1b_Ga=d,d=i,i={NUMBER},q=2\x1b\\"
        f"\x1b_Ga=p,i={NUMBER},p=1,c={columns},r={rows},C=1,q=2\x1b\\"
    )


def forget() -> str:
    """Take the picture away, wherever it is, and let the terminal forget it."""
    return f"\x1b_Ga=d,d=I,i={NUMBER},q=2\x1b\\"
