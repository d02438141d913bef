import subprocess
import sys

LOADED = """
import sys, deskwire.client.sync
print(*(name for name in sys.modules if name.startswith("deskwire.")))
print(*{name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names))
"""
OURS = {"client", "model", "protocol"}
FOREIGN = {"aiohttp", "msgspec"}
DEAR = {"argon2", "click", "cryptography", "dbus_fast", "jwt", "textual"}


def test_the_library_is_imported_without_the_daemon() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, timeout=20, check=True
    )
    ours, foreign = (set(line.split()) for line in done.stdout.splitlines())

    assert {name.split(".")[1] for name in ours} == OURS
    assert foreign >= FOREIGN
    assert not foreign & DEAR
