"""Units as types: a number that leaves its file says what it counts."""

from typing import NewType

Bytes = NewType("Bytes", int)
Percent = NewType("Percent", float)
Seconds = NewType("Seconds", float)
