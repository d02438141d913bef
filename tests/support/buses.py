"""A private D-Bus daemon: the real one, with a configuration that lets everybody in.

Unless given a service folder, it starts nothing by name behind a test's back. Its address holds no
guid, so that it stays the same over `kill` and `restart`, as a desktop's does.
"""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.support.service import Service
from tests.support.waiting import until

BUS = "org.freedesktop.DBus"
CONFIGURATION = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>{kind}</type>
  <keep_umask/>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  {services}
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
  </policy>
</busconfig>
"""


class PrivateBus(Service):
    """One bus of our own, a session bus or, with `system=True`, a system bus."""

    def __init__(self, system: bool = False, services: Path | None = None) -> None:
        super().__init__("bus-")
        self._folder.chmod(0o755)  # players that refuse root come in as another user
        self.system = system
        self.services = services
        """Folder of service files, for what the bus is to start by name."""
        self.address = ""
        """D-Bus address, set once the daemon listens; the same after a restart."""

    def env(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return `base` (or this process's environment) with this bus's address in it."""
        name = "DBUS_SYSTEM_BUS_ADDRESS" if self.system else "DBUS_SESSION_BUS_ADDRESS"
        return {**(os.environ if base is None else base), name: self.address}

    def start(self) -> None:
        """Start the daemon and wait until it listens."""
        configuration = self._folder / "bus.conf"
        configuration.write_text(
            CONFIGURATION.format(
                kind="system" if self.system else "session",
                socket=self._folder / "bus",
                services=f"<servicedir>{self.services}</servicedir>" if self.services else "",
            )
        )
        self._process = subprocess.Popen(
            ["dbus-daemon", f"--config-file={configuration}", "--nofork", "--print-address"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdout is not None
        printed = self._process.stdout.readline().decode().strip()
        self._process.stdout.close()
        assert printed, "dbus-daemon ended without saying its address"
        self.address = re.sub(r",guid=[0-9a-f]+", "", printed)

    def restart(self) -> None:
        """Kill it if it lives and start it anew on the same address."""
        self.kill()
        self.start()

    def call(self, member: str, *arguments: str) -> str:
        """Call a method of the bus itself with strings; return the literal answer, else `""`."""
        return self.ask(BUS, "/org/freedesktop/DBus", f"{BUS}.{member}", *arguments)

    def ask(self, name: str, path: str, method: str, *arguments: str) -> str:
        """Call any method that takes strings; return the literal answer, else `""`."""
        answer = subprocess.run(
            [
                *("dbus-send", f"--bus={self.address}", f"--dest={name}", "--print-reply=literal"),
                *(path, method),
                *(f"string:{argument}" for argument in arguments),
            ],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
        return answer.stdout.strip()

    def names(self) -> frozenset[str]:
        """Return the well-known names that have an owner."""
        found = re.findall(r"[\w.:-]+", self.call("ListNames"))
        return frozenset(name for name in found if "." in name and not name.startswith(":"))

    def has(self, name: str) -> bool:
        """Whether `name` has an owner."""
        return self.call("NameHasOwner", name) == "boolean true"

    def pid_of(self, name: str) -> int | None:
        """Return the process id behind `name`, or `None`."""
        found = re.fullmatch(r"uint32 (\d+)", self.call("GetConnectionUnixProcessID", name))
        return int(found[1]) if found else None

    def wait_for(self, name: str, *, within: float = 5.0) -> None:
        """Wait until `name` has an owner."""
        until(lambda: self.has(name), within=within, what=f"{name} is on the bus")
