"""Reads a conversation: see conversations/README.md for its form."""

import re
from pathlib import Path

import pytest
from msgspec import Struct

FOLDER = Path(__file__).with_name("conversations")
LINE = re.compile(r"@(\d+)\s+([<>=x?])\s+(.*)")


class Line(Struct, frozen=True):
    """One moment of a conversation."""

    at: float
    mark: str
    text: str


def conversations(folder: Path = FOLDER) -> list[object]:
    """Return every conversation as a pytest parameter, named after its file."""
    return [pytest.param(read(file), id=file.stem) for file in sorted(folder.glob("*.txt"))]


def read(file: Path) -> list[Line]:
    """Return the lines of one conversation; a line that cannot be read is an error."""
    lines = []
    for text in file.read_text(encoding="utf-8").splitlines():
        if not text or text.startswith("#"):
            continue
        match = LINE.fullmatch(text)
        assert match, f"{file.name}: {text}"
        lines.append(Line(float(match[1]), match[2], match[3]))
    return lines
