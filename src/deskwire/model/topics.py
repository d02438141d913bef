"""Topics: the declaration of a device's readings, and what is derived from it.

The reference, the JSON Schema of a topic and the generic text of a reading are all made from the
types: a field's unit is its type, and its meaning the description in its annotation.
"""

from collections.abc import Iterator
from enum import IntEnum
from inspect import getdoc
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, NewType, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from deskwire.model.units import UNITS, Seconds

BACKGROUND_INTERVAL = Seconds(10.0)
"""Shortest time between two readings, and between two updates, in the background."""


class Demand(IntEnum):
    """Urgency of a subscriber's interest in a topic; the highest demand for a topic wins."""

    BACKGROUND = 1
    """Each 10 s or slower."""
    LIVE = 2
    """Each interval, and at once on a signalled change."""


class Topic(Struct, frozen=True):
    """Declaration of a device's readings."""

    name: str
    reading: Any
    """Type of a reading: a struct, or a tuple of structs."""
    absent: str = ""
    """Meaning of an empty reading, for a person: `no system battery`."""
    periodic: bool = False
    """Whether the device is polled at each interval; otherwise it signals its changes."""

    @property
    def empty(self) -> Any:
        """Reading of absent hardware: `None`, or an empty tuple where a reading is a tuple."""
        return () if get_origin(self.reading) is tuple else None


class Field(NamedTuple):
    """One field of a reading or one argument of a command."""

    name: str
    type: Any
    """The bare type: `int`, `str`, or the struct of a nested value."""
    unit: str
    """Name of the unit; empty for a value without one."""
    kind: str
    """`counter` for a number that only grows, else `gauge`; empty for other types."""
    meaning: str
    optional: bool


def struct_of(reading: Any) -> Any:
    """Return the struct of a reading's type: `Player` for `tuple[Player, ...]`."""
    return get_args(reading)[0] if get_origin(reading) is tuple else reading


def meaning(declared: type) -> str:
    """Return the first line of the docstring of a reading or a command."""
    return (getdoc(declared) or "").partition("\n")[0].removesuffix(".")


def fields(struct: Any) -> Iterator[Field]:
    """Return the fields of a reading, or the arguments of a command."""
    hints = get_type_hints(struct, include_extras=True)
    for name in struct.__struct_fields__:
        hint, meta = hints[name], Meta()
        if get_origin(hint) is Annotated:
            hint, meta = get_args(hint)
        optional = get_origin(hint) in {Union, UnionType} and NoneType in get_args(hint)
        if optional:
            hint = next(each for each in get_args(hint) if each is not NoneType)
        bare = hint.__supertype__ if isinstance(hint, NewType) else hint
        kind = (meta.extra or {}).get("kind", "gauge") if bare in {int, float} else ""
        yield Field(name, bare, UNITS.get(hint, ""), kind, meta.description or "", optional)


def schema(declared: Any) -> dict[str, Any]:
    """Return the JSON Schema of a reading or a command, with the unit of each field."""
    whole = msgspec.json.schema(declared)
    nested = [struct_of(declared)]
    for struct in nested:
        properties = whole["$defs"][struct.__name__]["properties"]
        for field in fields(struct):
            if field.unit:
                properties[field.name]["unit"] = field.unit
            inner = struct_of(field.type)
            if isinstance(inner, type) and issubclass(inner, Struct):
                nested.append(inner)
    return whole
