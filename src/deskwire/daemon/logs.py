"""Where log lines go: stderr, one line each, whole.

Under systemd the journal adds the time, and `<3>` tells it how grave a line is (sd-daemon(3)); on a
terminal the time stands in front. A desk waits for nobody, so not for who reads its log either:
what a full pipe or a terminal that was stopped does not take is lost, and counted.
"""

import logging
import select
import sys
from typing import TextIO

PRIORITIES = {logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6, logging.DEBUG: 7}


class JournalFormatter(logging.Formatter):
    """Says of each line how grave it is."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record, its later lines set in."""
        grave = f"<{PRIORITIES.get(record.levelno, 3)}>"
        return grave + super().format(record).replace("\n", f"\n{grave}  ")


class NonBlockingStreamHandler(logging.StreamHandler[TextIO]):
    """Writes what is taken at once; poll(2) says whether it is."""

    lost = 0
    """Lines since the last that was taken."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, or count it."""
        if not self._is_taken():
            self.lost += 1
            return
        if self.lost:
            lost, self.lost = self.lost, 0
            super().emit(line(logging.WARNING, f"{lost} lines are lost: nobody took them"))
        super().emit(record)

    def _is_taken(self) -> bool:
        try:
            poll = select.poll()
            poll.register(self.stream.fileno(), select.POLLOUT)
            return bool(poll.poll(0))
        except (OSError, ValueError):  # it is closed, or no file: writing will say so
            return True


def line(level: int, text: str) -> logging.LogRecord:
    """Make a record that no logger was asked for."""
    return logging.LogRecord("deskwire", level, __file__, 0, text, None, None)


def configure(*, to_journal: bool) -> None:
    """Let log lines out."""
    formatter = (
        JournalFormatter("%(message)s")
        if to_journal
        else logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S")
    )
    handler = NonBlockingStreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    # what no line of ours tells is not gathered for each (docs.python.org, Logging HOWTO)
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    # what it warns of is a peer's words, before any log-in and as often as one likes
    logging.getLogger("aiohttp.websocket").setLevel(logging.ERROR)
