"""The other end of a TCP connection, as the kernel tells of it. Source: proc_pid_net(5), tcp."""

from pathlib import Path
from typing import NamedTuple

TIME_WAIT = "06"
"""An end that is gone; the same port may have been given anew."""


class End(NamedTuple):
    """One end of a connection."""

    unsent: int
    """Bytes its peer has not taken."""
    held: bool
    """Whether a process holds a descriptor of it."""


def far_end(port: int) -> End:
    """Return the end whose peer is our `port` of 127.0.0.1; one that is gone is held by nobody."""
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        _, _, remote, state, queues, _, _, _, _, inode, *_ = line.split()
        if int(remote.partition(":")[2], 16) == port and state != TIME_WAIT:
            return End(int(queues.partition(":")[0], 16), inode != "0")
    return End(0, held=False)
