"""Release notes of a version: `scripts/release_notes.py X.Y.Z` prints its part of the changelog.

The script fails if `deskwire.__version__` or the changelog does not have this version, so that
no release is built from a wrong tag.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def notes(version: str, root: Path = ROOT) -> str:
    """Return the changelog entries of `version`; raise `SystemExit` if the version is wrong."""
    source = (root / "src/deskwire/__init__.py").read_text(encoding="utf-8")
    if f'__version__ = "{version}"' not in source:
        raise SystemExit(f"src/deskwire/__init__.py does not have the version {version}")
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    heading = rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d\n(.*?)(?=^## \[|\Z)"
    found = re.search(heading, changelog, re.MULTILINE | re.DOTALL)
    if found is None:
        raise SystemExit(f"CHANGELOG.md has no dated heading for {version}")
    return found[1].strip() + "\n"


if __name__ == "__main__":
    print(notes(sys.argv[1]), end="")
