from pathlib import Path

import pytest

from tests.support.devices import captured


@pytest.fixture
def _captured_laptop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the commands read a captured laptop without a bus and without sound."""
    roots = captured("laptop")
    monkeypatch.setattr("deskwire.devices.cpu.FIRST", 0.01)  # the captured files never change
    for name in ("DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS"):
        monkeypatch.setenv(name, f"unix:path={tmp_path}/none")
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PULSE_SERVER", f"unix:{tmp_path}/none")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DESKWIRE_DEVICES_PROC", str(roots.proc))
    monkeypatch.setenv("DESKWIRE_DEVICES_SYS", str(roots.sys))
    monkeypatch.setenv("DESKWIRE_STATS_DISK", str(tmp_path))
    monkeypatch.setenv("DESKWIRE_SERVER_PORT", "0")
    monkeypatch.setenv("DESKWIRE_SERVER_HOST", "127.0.0.1")
