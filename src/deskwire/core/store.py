"""Store of the current reading of each topic, by name."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from deskwire.model.topics import Topic


class Store:
    """Current readings; absent hardware has the topic's empty reading."""

    def __init__(self, topics: Iterable[Topic]) -> None:
        self._empty = {topic.name: topic.empty for topic in topics}
        self._readings = dict(self._empty)
        self.revision = 0
        """Number of changes so far."""

    def put(self, name: str, reading: Any) -> bool:
        """Store a reading, `None` for absent hardware; return whether it differs from the last.

        Raises `KeyError` for a topic that is not declared.
        """
        if reading is None:
            reading = self._empty[name]
        if self._readings[name] == reading:
            return False
        self._readings[name] = reading
        self.revision += 1
        return True

    def clear(self, names: Iterable[str]) -> None:
        """Forget the readings of topics that are no longer read."""
        for name in names:
            self.put(name, None)

    def select(self, names: Collection[str]) -> Mapping[str, Any]:
        """Return a copy of the readings of these topics."""
        readings = self._readings
        if len(names) == len(readings):
            return dict(readings)
        return {name: readings[name] for name in names}
