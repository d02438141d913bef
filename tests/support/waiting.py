"""Waiting for a condition, never for a span: look, pause a moment, look again, until a deadline.

`until` blocks and belongs in fixtures and plain tests; `until_async` leaves the event loop free.
A condition may raise `OSError` or `LookupError` while it is not there yet. `within` is what a quiet
machine needs (see patience).
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
    """Return the first true value of `condition`; or raise `AssertionError`."""
    deadline = time.monotonic() + patiently(within)
    while True:
        late = time.monotonic() > deadline
        last: object
        try:
            found = condition()
        except NOT_YET as problem:
            last = problem
        else:
            if found:
                return found
            last = found
        if late:
            raise AssertionError(never(condition, within, what, last))
        time.sleep(PAUSE)


async def until_async(
    condition: Callable[[], T | Awaitable[T | None] | None], *, within: float = 5.0, what: str = ""
) -> T:
    """Return the first true value of `condition`, which may be a coroutine function.

    Raises `AssertionError` when there is none in time.
    """
    deadline = time.monotonic() + patiently(within)
    while True:
        late = time.monotonic() > deadline
        last: object
        try:
            answer: Any = condition()
            found: T | None = await answer if inspect.isawaitable(answer) else answer
        except NOT_YET as problem:
            last = problem
        else:
            if found:
                return found
            last = found
        if late:
            raise AssertionError(never(condition, within, what, last))
        await asyncio.sleep(PAUSE)


def never(condition: Callable[[], object], within: float, what: str, last: object) -> str:
    """Say what did not come true."""
    name = what or getattr(condition, "__qualname__", repr(condition))
    return f"not within {patiently(within):g} s: {name}; the last answer was {last!r}"
