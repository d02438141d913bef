"""Polling of a condition until a deadline, instead of sleeping for a fixed time.

`until` blocks and is for fixtures and synchronous tests; `until_async` leaves the event loop free.
A condition may raise `OSError` or `LookupError` as long as it does not hold.
"""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from tests.support.time_scaling import patiently

T = TypeVar("T")

PAUSE = 0.01
NOT_YET = (OSError, LookupError)


def until(condition: Callable[[], T | None], *, within: float = 5.0, what: str = "") -> T:
    """Return the first true value of `condition`; raise `AssertionError` after `within` seconds."""
    deadline = time.monotonic() + patiently(within)
    while True:
        late = time.monotonic() > deadline
        last: object
        try:
            last = found = condition()
            if found:
                return found
        except NOT_YET as problem:
            last = problem
        if late:
            raise AssertionError(timeout_message(condition, within, what, last))
        time.sleep(PAUSE)


async def until_async(
    condition: Callable[[], T | Awaitable[T | None] | None], *, within: float = 5.0, what: str = ""
) -> T:
    """Do the same as `until`; `condition` may also be a coroutine function."""
    deadline = time.monotonic() + patiently(within)
    while True:
        late = time.monotonic() > deadline
        last: object
        try:
            value: Any = condition()
            found: T | None = await value if inspect.isawaitable(value) else value
            last = found
            if found:
                return found
        except NOT_YET as problem:
            last = problem
        if late:
            raise AssertionError(timeout_message(condition, within, what, last))
        await asyncio.sleep(PAUSE)


def timeout_message(condition: Callable[[], object], within: float, what: str, last: object) -> str:
    name = what or getattr(condition, "__qualname__", repr(condition))
    return f"not within {patiently(within):g} s: {name}; the last value was {last!r}"
