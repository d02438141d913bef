"""Where log lines go: stderr, one line each, whole.

Under systemd the journal adds the time, and `<3>` tells it how grave a line is (sd-daemon(3)); on a
terminal the time stands in front.
"""

import logging
import sys

PRIORITIES = {logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6, logging.DEBUG: 7}


class _Journal(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record).replace("\n", "\n  ")
        return f"<{PRIORITIES.get(record.levelno, 3)}>{text}"


def begin(*, to_journal: bool) -> None:
    """Let log lines out."""
    formatter = (
        _Journal("%(message)s")
        if to_journal
        else logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S")
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    # what it warns of is a peer's words, before any log-in and as often as one likes
    logging.getLogger("aiohttp.websocket").setLevel(logging.ERROR)
