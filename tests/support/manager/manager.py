"""A person's own systemd, the real one, with packaging's units: started in namespaces of its own.

Needs root, and nothing else of the machine: no systemd need run on it. What `systemctl --user` and
`journalctl` say in there is what they say at a desk. Source: systemd(1), user@.service(5).
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.desk import PROGRAM
from tests.support.media import Media
from tests.support.time_scaling import patiently
from tests.support.waiting import until

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[2]
PERSON = 4712
CONTROL_GROUPS = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"))
"""Where the second version's may be on this machine."""
RUNTIME = f"/run/user/{PERSON}"
ENV = {
    "HOME": "/home/ann",
    "LANG": "C.UTF-8",
    "PATH": "/home/ann/.local/bin:/usr/bin:/bin",
    "XDG_RUNTIME_DIR": RUNTIME,
    "DBUS_SESSION_BUS_ADDRESS": f"unix:path={RUNTIME}/bus",
}

Done = subprocess.CompletedProcess[str]


class UserManager:
    """`systemd --user` of a person called ann; entering waits until it obeys."""

    def __init__(self, media: Media) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="manager-"))
        self._folder.chmod(0o755)
        shutil.copytree(media.first.file.parents[1], self._folder / "music")
        for each in (self._folder / "music").rglob("*"):
            os.chown(each, PERSON, PERSON)  # a picture must be ann's own
        self._process: subprocess.Popen[bytes] | None = None
        self._pid = 0

    @property
    def cover(self) -> Path:
        """The picture beside what the player plays."""
        return self._folder / "music/fallen/cover.jpg"

    def run(self, *words: str, given: str = "") -> Done:
        """Run a command as ann."""
        return self._enter("setpriv", f"--reuid={PERSON}", f"--regid={PERSON}", "--clear-groups",
                           "env", "-i", *(f"{key}={value}" for key, value in ENV.items()),
                           *words, given=given)  # fmt: skip

    def said(self, *words: str, given: str = "") -> str:
        """Run a command as ann that must succeed; return what it printed."""
        done = self.run(*words, given=given)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}\n{self.log()}"
        return done.stdout

    def systemctl(self, *words: str) -> str:
        """Run `systemctl --user`."""
        return self.said("systemctl", "--user", *words)

    def shown(self, name: str, unit: str = "deskwire.service") -> str:
        """Return one property of a unit."""
        return self.systemctl("show", "--property", name, "--value", unit).strip()

    def write(self, path: str, text: str) -> None:
        """Write a file of ann's."""
        self.said("sh", "-c", f'mkdir -p "$(dirname {path})"; cat >{path}', given=text)

    def entries(self, unit: str = "deskwire.service") -> list[dict[str, Any]]:
        """Return what the unit's program wrote to the journal, oldest first."""
        match = (f"_SYSTEMD_USER_UNIT={unit}", "_TRANSPORT=stdout")
        done = self._enter("journalctl", "-D", "/run/log/journal", "-o", "json", *match)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def log(self) -> str:
        """Return the journal of all that ann's manager started."""
        return self._enter("journalctl", "-D", "/run/log/journal", f"_UID={PERSON}").stdout

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
        until(self._obeys, within=10, what="ann's systemd obeys")
        return self

    def _obeys(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "ann's systemd ended"
        return self.run("systemctl", "--user", "is-active", "default.target").returncode == 0

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        if problem is not None:
            print(self.log(), file=sys.stderr)
        self._process.kill()
        self._process.wait(patiently(5))
        for root in CONTROL_GROUPS:
            forget(root / f"deskwire-{self._folder.name}")
        shutil.rmtree(self._folder, ignore_errors=True)


def forget(group: Path) -> None:
    """Remove a control group and those below, as soon as nobody is in them."""
    for folder in sorted([group, *group.rglob("*/")], reverse=True):
        if folder.exists():
            until(lambda folder=folder: folder.rmdir() is None, what=f"{folder} is empty")  # type: ignore[misc]
