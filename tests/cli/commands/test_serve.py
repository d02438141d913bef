"""Modules that the daemon loads at its start. They stay in memory as long as it runs."""

import json
import socket
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

STARTED = """
import json, os, sys
before = dict(os.environ)
from deskwire.cli.main import app
try:
    app(["serve", "--no-tls", "--host", "127.0.0.1", *sys.argv[1:]])
except SystemExit as end:
    assert end.code == 3, end.code
print(json.dumps({
    "modules": sorted(sys.modules),
    "same": before == dict(os.environ),
}))
"""
"""Starts a daemon whose port is taken, so that it ends by itself."""
UNUSED_MODULES = {
    "PIL": "top's covers",
    "difflib": "mistakes in the settings",
    "http.server": "nothing",
    "multiprocessing": "nothing",
    "pulsectl": "the sound server is asked in its own protocol",
    "pydoc": "nothing",
    "rich": "top",
    "textual": "top",
    "unittest": "nothing",
}
"""Modules that the daemon must not load, with their only users."""


@pytest.fixture(scope="module", params=[{}, {"SSL_CERT_FILE": "/somewhere"}], ids=["", "set"])
def started(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Any]:
    """Start a daemon in a new process and return the modules that it has loaded."""
    folder = tmp_path_factory.mktemp("home")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-c", STARTED, "--port", port, "--state-dir", folder / "state"],
            env={"HOME": str(folder), **request.param},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    found: Mapping[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_daemon_loads_no_modules_of_other_commands(started: Mapping[str, Any]) -> None:
    packages = {name.partition(".")[0] for name in started["modules"]} | set(started["modules"])

    assert packages & set(UNUSED_MODULES) == set()


def test_start_leaves_the_environment_unchanged(started: Mapping[str, Any]) -> None:
    assert started["same"]
