"""Being told when another process committed, without asking again and again.

inotify(7) on the state directory: a commit is followed by a touch of the database
(`state_directory.py`), and a process that was killed before it touched anything closes its files.
Writing alone is not looked at: it comes before the commit.
"""

import os
from collections.abc import AsyncGenerator
from pathlib import Path

from asyncinotify import Event, Inotify, Mask

from deskwire.model.problems import StateUnavailable

WATCHED = Mask.ATTRIB | Mask.CLOSE_WRITE | Mask.DELETE_SELF | Mask.MOVE_SELF | Mask.ONLYDIR
GONE = Mask.DELETE_SELF | Mask.MOVE_SELF | Mask.UNMOUNT | Mask.IGNORED


async def changes(folder: Path, file: str) -> AsyncGenerator[None]:
    """Yield once as soon as the watch stands, then once for all changes to `file` since.

    What changed before a yield is seen by who reads after it. Our own changes are told as well.
    Raises `StateUnavailable` when the folder is gone, or the kernel gives out no more watches.
    """
    try:
        inotify = Inotify(sync_timeout=0)
    except OSError as problem:
        raise StateUnavailable(f"changes cannot be followed: {problem.strerror}") from None
    with inotify:
        os.set_blocking(inotify.fd, False)  # which asyncinotify 4.4 means to do, and does not
        try:
            inotify.add_watch(folder, WATCHED)
        except OSError as problem:
            raise StateUnavailable(f"changes cannot be followed: {problem.strerror}") from None
        yield
        while True:
            come = [await inotify.get()]
            come.extend(inotify)
            if any(event.mask & GONE for event in come):
                raise StateUnavailable("the desk's state was taken away")
            if any(concerns(event, file) for event in come):
                yield


def concerns(event: Event, file: str) -> bool:
    """Tell whether the event is of the file or of what SQLite keeps beside it."""
    lost = bool(event.mask & Mask.Q_OVERFLOW)
    return lost or (event.name is not None and event.name.name.startswith(file))
