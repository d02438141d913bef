"""Unit types: the type of a number names what it counts, also in schemas and in text."""

from typing import Any, NewType

Bytes = NewType("Bytes", int)
Percent = NewType("Percent", float)
Seconds = NewType("Seconds", float)
Celsius = NewType("Celsius", float)

UNITS: dict[Any, str] = {
    Bytes: "bytes",
    Percent: "percent",
    Seconds: "seconds",
    Celsius: "degrees Celsius",
}
"""Name of each unit, as schemas and the reference show it."""
