"""A core for what is measured and another for what measures it.

Children inherit the core of whoever starts them (sched_setaffinity(2)), so a program is started
inside `with on(SERVER)`. Where there is one core only, both are that one, and the report says so.
"""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

ALLOWED = sorted(os.sched_getaffinity(0))
SERVER, LOAD = ALLOWED[0], ALLOWED[-1]


@contextmanager
def on(core: int) -> Iterator[None]:
    """Run on this core, and start programs there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def open_many_files() -> int:
    """Raise the number of open files as far as it goes, for children too; return how far."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most
