"""A core for what is measured and another for what measures it.

Children inherit the core of their parent (sched_setaffinity(2)) and how it stands with the
scheduler, so a program is started inside `with on(SERVER)`. With root, both get a
higher priority. With only one core both use it, and the report says so.
"""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress

ALLOWED = sorted(os.sched_getaffinity(0))
SERVER, LOAD = ALLOWED[0], ALLOWED[-1]
FIRST = -15
"""The niceness of what is measured and of what measures it, where that is allowed."""


@contextmanager
def on(core: int) -> Iterator[None]:
    """Run on this core, before others, and start programs there."""
    cores, niceness = os.sched_getaffinity(0), os.getpriority(os.PRIO_PROCESS, 0)
    os.sched_setaffinity(0, {core})
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, FIRST)
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
        with suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, niceness)


def open_many_files() -> int:
    """Raise the number of open files as far as it goes, for children too; return how far."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most
