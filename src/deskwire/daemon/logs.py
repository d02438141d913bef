"""Log output: one line for each record, on stderr.

For systemd's journal each line begins with its priority, such as `<3>` (sd-daemon(3)); on a
terminal it begins with the time. A full pipe or a stopped terminal never blocks the daemon: lines
that cannot be written at once are dropped and counted.
"""

import logging
import select
import sys
from typing import TextIO

from deskwire.model.instant import local_time

PRIORITIES = {logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6, logging.DEBUG: 7}


class JournalFormatter(logging.Formatter):
    """Puts the priority before each line of a record."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record, with its later lines indented."""
        priority = f"<{PRIORITIES.get(record.levelno, 3)}>"
        return priority + super().format(record).replace("\n", f"\n{priority}  ")


class NonBlockingStreamHandler(logging.StreamHandler[TextIO]):
    """Writes a record only if poll(2) reports that the stream is writable."""

    dropped = 0
    """Records dropped since the last one that was written."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or drop and count it."""
        if not self._is_writable():
            self.dropped += 1
            return
        if self.dropped:
            dropped, self.dropped = self.dropped, 0
            text = f"{dropped} log lines were dropped, because stderr was blocked"
            super().emit(make_record(logging.WARNING, text))
        super().emit(record)

    def _is_writable(self) -> bool:
        try:
            poll = select.poll()
            poll.register(self.stream.fileno(), select.POLLOUT)
            return bool(poll.poll(0))
        except (OSError, ValueError):  # closed, or not a file: the write reports it
            return True


def make_record(level: int, text: str) -> logging.LogRecord:
    """Return a record that does not come from a logger."""
    return logging.LogRecord("deskwire", level, __file__, 0, text, None, None)


def configure(*, to_journal: bool) -> None:
    """Write log lines to stderr."""
    formatter = (
        JournalFormatter("%(message)s")
        if to_journal
        else logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S")
    )
    formatter.converter = local_time
    handler = NonBlockingStreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    # no log line shows these, so they need not be collected (docs.python.org, Logging HOWTO)
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    # its warnings repeat what a client sent, before any login and without a limit
    logging.getLogger("aiohttp.websocket").setLevel(logging.ERROR)
