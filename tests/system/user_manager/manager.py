"""The real `systemd --user` of a user, with the units of packaging/, in its own namespaces.

It needs root, and no systemd on this machine. `systemctl --user` and `journalctl` work there as on
a desktop. Source: systemd(1), user@.service(5).
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Self

from tests.support.media import Media
from tests.support.programs import PROGRAM
from tests.support.time_scaling import patiently
from tests.support.waiting import until

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[2]
UID = 4712
CONTROL_GROUPS = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"))
"""Possible places of the cgroup v2 hierarchy."""
RUNTIME = f"/run/user/{UID}"
ENV = {
    "HOME": "/home/ann",
    "LANG": "C.UTF-8",
    "PATH": "/home/ann/.local/bin:/usr/bin:/bin",
    "XDG_RUNTIME_DIR": RUNTIME,
    "DBUS_SESSION_BUS_ADDRESS": f"unix:path={RUNTIME}/bus",
}

Done = subprocess.CompletedProcess[str]


class UserManager:
    """`systemd --user` of the user ann; entering waits until it is up."""

    def __init__(self, media: Media) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="manager-"))
        self._folder.chmod(0o755)
        shutil.copytree(media.first.file.parents[1], self._folder / "music")
        for each in (self._folder / "music").rglob("*"):
            os.chown(each, UID, UID)  # the daemon serves only pictures that ann owns
        self._process: subprocess.Popen[bytes] | None = None
        self._pid = 0

    @property
    def cover(self) -> Path:
        """Cover of the track that the player plays."""
        return self._folder / "music/fallen/cover.jpg"

    def run(self, *words: str, given: str = "") -> Done:
        """Run a command as ann."""
        env = [f"{key}={value}" for key, value in ENV.items()]
        as_ann = ("setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "env", "-i")
        return self._enter(*as_ann, *env, *words, given=given)

    def output_of(self, *words: str, given: str = "") -> str:
        """Run a command as ann that must succeed; return its output."""
        done = self.run(*words, given=given)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}\n{self.log()}"
        return done.stdout

    def systemctl(self, *words: str) -> str:
        """Run `systemctl --user`."""
        return self.output_of("systemctl", "--user", *words)

    def unit_property(self, name: str, unit: str = "deskwire.service") -> str:
        return self.systemctl("show", "--property", name, "--value", unit).strip()

    def write(self, path: str, text: str) -> None:
        """Write a file as ann."""
        self.output_of("sh", "-c", f'mkdir -p "$(dirname {path})"; cat >{path}', given=text)

    def journal_entries(self, unit: str = "deskwire.service") -> list[dict[str, Any]]:
        """Return the output of a unit's program, oldest first."""
        match = (f"_SYSTEMD_USER_UNIT={unit}", "_TRANSPORT=stdout")
        done = self._enter("journalctl", "-D", "/run/log/journal", "-o", "json", *match)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def log(self) -> str:
        """Return the journal of all programs of ann."""
        return self._enter("journalctl", "-D", "/run/log/journal", f"_UID={UID}").stdout

    def _enter(self, *words: str, given: str = "") -> Done:
        return subprocess.run(
            ["nsenter", f"--target={self._pid}", "--mount", "--pid", "--net", "--", *words],
            cwd="/",
            input=given,
            capture_output=True,
            text=True,
            timeout=patiently(30),
            check=False,
        )

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [
                *("unshare", "--mount", "--pid", "--net", "--fork", "--kill-child"),
                *(HERE / "start", self._folder, PROGRAM, Path(sys.base_prefix), CHECKOUT),
            ],
            stdin=subprocess.DEVNULL,
        )
        unshare = self._process.pid
        children = Path(f"/proc/{unshare}/task/{unshare}/children")
        self._pid = int(until(lambda: children.read_text(encoding="ascii").split())[0])
        until(self._is_up, within=10, what="systemd --user is up")
        return self

    def _is_up(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "systemd --user ended"
        return self.run("systemctl", "--user", "is-active", "default.target").returncode == 0

    def __exit__(self, _: object, problem: object, __: object) -> None:
        assert self._process is not None
        if problem is not None:
            print(self.log(), file=sys.stderr)
        self._process.kill()
        self._process.wait(patiently(5))
        for root in CONTROL_GROUPS:
            remove_control_group(root / f"deskwire-{self._folder.name}")
        shutil.rmtree(self._folder, ignore_errors=True)


def remove_control_group(group: Path) -> None:
    """Remove a control group and those below it, once their processes have ended."""
    for folder in sorted([group, *group.rglob("*/")], reverse=True):
        if folder.exists():
            until(lambda folder=folder: folder.rmdir() is None, what=f"{folder} is empty")  # type: ignore[misc]
