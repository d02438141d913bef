"""The devices' own deadlines, lengthened: on a busy machine a healthy service may miss them."""

import pytest

from deskwire.devices import battery, disk, players, volume, wifi
from deskwire.devices.dbus import objects
from deskwire.devices.power import upower
from tests.parts.patience import patiently


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every service as long for its first answer as a test gives its reading."""
    for module, name in (
        (battery, "FIRST_TIMEOUT"),
        (disk, "FIRST_TIMEOUT"),
        (objects, "PATIENCE"),
        (players, "FIRST_READING"),
        (upower, "START_TIMEOUT"),
        (volume, "FIRST_TIMEOUT"),
        (wifi, "PATIENCE"),
    ):
        monkeypatch.setattr(module, name, patiently(getattr(module, name)))
