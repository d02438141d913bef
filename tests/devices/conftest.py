"""The devices' own deadlines, lengthened: on a busy machine a healthy service may miss them."""

import pytest

from deskwire.devices import battery, disk, players, session, volume, wifi
from deskwire.devices.dbus import objects
from deskwire.devices.power import upower
from tests.support.time_scaling import patiently

DEADLINES = (
    (battery, "FIRST_TIMEOUT"),
    (disk, "FIRST_TIMEOUT"),
    (objects, "READ_WAIT"),
    (players, "FIRST_READING"),
    (session, "FIRST_TIMEOUT"),
    (session, "COMMAND_TIMEOUT"),
    (upower, "START_TIMEOUT"),
    (volume, "FIRST_TIMEOUT"),
    (wifi, "READ_WAIT"),
)
ORDINARY = [getattr(module, name) for module, name in DEADLINES]


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every service as long for its first answer as a test gives its reading."""
    for (module, name), ordinary in zip(DEADLINES, ORDINARY, strict=True):
        monkeypatch.setattr(module, name, patiently(ordinary))


@pytest.fixture
def _hurried(_unhurried: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait no longer than a desk does, where what is waited for does not come."""
    for (module, name), ordinary in zip(DEADLINES, ORDINARY, strict=True):
        monkeypatch.setattr(module, name, ordinary)
