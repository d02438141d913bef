"""What the screen in the laptop has seen, read from here while it goes on."""

import json
from types import TracebackType
from typing import Any, Self

from tests.support.laptop.machine import CHECKOUT, HERE, Laptop, quoted
from tests.support.laptop.screen import CLEAN
from tests.support.waiting import until

AS_ANN = "setpriv --reuid=ann --regid=ann --init-groups env -i PATH=/usr/bin:/bin LANG=C.UTF-8"
STARTS_WITHIN = 180.0


class Seen:
    """A desk and its screen in the laptop, run by a plain person; entering waits for readings."""

    def __init__(self, laptop: Laptop) -> None:
        self._laptop = laptop
        self._screen = laptop.start("screen", f"cd {CHECKOUT} && exec {AS_ANN} {module('screen')}")
        self._taken: dict[str, int] = {}

    def now(self, name: str) -> Any:
        """Return the newest reading of a device, `None` where the desk has no such thing."""
        return self._readings(name)[-1]

    def changes(self, name: str, wanted: Any, *, within: float = 30.0) -> list[Any]:
        """Wait until a device's reading is `wanted`; return its changes since last asked."""
        until(
            lambda: self.now(name) == wanted,
            within=within,
            what=f"{name} is {wanted!r}, after {self._readings(name)}",
        )
        readings = self._readings(name)
        taken = self._taken.get(name, 0)
        self._taken[name] = len(readings)
        return readings[taken:]

    def via(self, name: str, wanted: str) -> str:
        """Return what a device comes to be read from, for the same person."""
        look = f"cd {CHECKOUT} && {AS_ANN} {module('via')} {quoted(name, wanted)}"
        return self._laptop.run(look, within=60).strip()

    def _readings(self, name: str) -> list[Any]:
        """Return what the screen has shown of a device, repetitions left out."""
        readings: list[Any] = []
        for line in self._screen.log.splitlines():
            if line.startswith("{"):
                reading = json.loads(line)[name]
                if not readings or readings[-1] != reading:
                    readings.append(reading)
        if not readings:
            raise LookupError("the screen has shown nothing yet")
        return readings

    def __enter__(self) -> Self:
        until(lambda: self._readings("battery"), within=STARTS_WITHIN, what="a first reading")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._screen.__exit__(kind, problem, trace)
        if problem is None:
            until(
                lambda: CLEAN in self._screen.log,
                within=20,
                what=f"the desk ends well\n{self._screen.log[-3000:]}",
            )


def module(name: str) -> str:
    """Return the command that runs a program of this folder, from the checkout."""
    return f".venv/bin/python -m {'.'.join([*HERE.relative_to(CHECKOUT).parts, name])}"
