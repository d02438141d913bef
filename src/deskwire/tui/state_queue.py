"""What became of the connection, told in one thread and read in another."""

from collections import deque

from deskwire.client.connection_state import State


class StateQueue:
    """What became of the connection since somebody last looked; told from any thread."""

    def __init__(self) -> None:
        self._states: deque[State] = deque(maxlen=64)

    def __call__(self, state: State) -> None:
        """Take a state."""
        self._states.append(state)

    def read(self) -> list[State]:
        """Return the states since the last time, oldest first."""
        return [self._states.popleft() for _ in range(len(self._states))]
