"""Possibility of readings: the one check that every reading passes before it is published.

A number is possible if it is finite and within the bounds of its field: those in its `Meta`, or
else those of its unit. An impossible number is left out. An optional field becomes `None`. Without
a required field its struct is left out: the reading is absent, or an item of a list is missing.

A device uses better evidence if it has some. This check sees the rest.
"""

import sys
from functools import cache
from types import NoneType
from typing import Annotated, Any, NamedTuple, NewType, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from deskwire.model.units import Bytes, Celsius

LARGEST_INTEGER = 2**63 - 1
"""Larger numbers cannot be written to JSON, SQLite and most clients."""
LARGEST_FLOAT = sys.float_info.max
"""Infinity is above it, and a comparison with NaN is false."""
LOWEST = {Celsius: -273.15, float: -LARGEST_FLOAT, int: -LARGEST_INTEGER}
"""Lower bound by type; other units cannot be negative."""


class Impossible(NamedTuple):
    """A number that cannot be true."""

    field: str
    """`Battery.charge`"""
    message: str


class Checked(NamedTuple):
    """A reading without its impossible numbers, and these."""

    reading: Any
    impossible: tuple[Impossible, ...]


class Rule(NamedTuple):
    """Check of one field; without bounds, the field holds structs with rules of their own."""

    name: str
    bounds: tuple[float, float] | None
    optional: bool


def check_reading(reading: Any) -> Checked:
    """Return a reading without what is impossible; `None` if nothing of a struct is left."""
    if isinstance(reading, Struct):
        return _check_struct(reading)
    if isinstance(reading, tuple):
        found = [check_reading(each) for each in reading]
        problems = tuple(problem for each in found for problem in each.impossible)
        possible = tuple(each.reading for each in found if each.reading is not None)
        return Checked(possible if problems else reading, problems)
    return Checked(reading, ())


def _check_struct(value: Struct) -> Checked:
    changes: dict[str, Any] = {}
    problems: list[Impossible] = []
    complete = True
    for rule in rules_of(type(value)):
        held = getattr(value, rule.name)
        if held is None:
            continue
        if rule.bounds is None:
            inner = check_reading(held)
            if inner.impossible:
                problems += inner.impossible
                changes[rule.name] = inner.reading
                complete = complete and (inner.reading is not None or rule.optional)
        elif not is_possible(held, *rule.bounds):
            field = f"{type(value).__name__}.{rule.name}"
            message = f"{field} cannot be {held!r:.50}, expected {_describe(*rule.bounds)}"
            problems.append(Impossible(field, message))
            changes[rule.name] = None
            complete = complete and rule.optional
    if not complete:
        return Checked(None, tuple(problems))
    return Checked(msgspec.structs.replace(value, **changes) if changes else value, tuple(problems))


def is_possible(number: object, low: float, high: float) -> bool:
    """Return whether a value is a number within the bounds."""
    return isinstance(number, int | float) and low <= number <= high


def _describe(low: float, high: float) -> str:
    if high < LARGEST_INTEGER:
        return f"{low:g} to {high:g}"
    return "a finite number" if low <= -LARGEST_INTEGER else f"at least {low:g}"


@cache
def rules_of(struct: type[Struct]) -> tuple[Rule, ...]:
    """Return the rules for the fields that hold numbers or structs."""
    hints = get_type_hints(struct, include_extras=True)
    rules = (_rule(name, hints[name]) for name in struct.__struct_fields__)
    return tuple(rule for rule in rules if rule is not None)


def _rule(name: str, hint: Any) -> Rule | None:
    meta = Meta()
    if get_origin(hint) is Annotated:
        hint, meta = get_args(hint)
    inner = [each for each in get_args(hint) if each is not NoneType]
    optional = NoneType in get_args(hint)
    unit = inner[0] if optional else hint
    bare = unit.__supertype__ if isinstance(unit, NewType) else unit
    if bare in {int, float}:
        low, high = meta.ge, meta.le
        largest = LARGEST_INTEGER if unit is Bytes or bare is int else LARGEST_FLOAT
        low = LOWEST.get(unit, 0.0) if low is None else low
        return Rule(name, (low, largest if high is None else high), optional)
    element = get_args(bare)[0] if get_origin(bare) is tuple else bare
    if isinstance(element, type) and issubclass(element, Struct):
        return Rule(name, None, optional)
    return None
