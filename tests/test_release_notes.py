from pathlib import Path

import pytest

from deskwire import __version__
from scripts.release_notes import ROOT, notes


def repository(folder: Path, version: str, heading: str) -> Path:
    (folder / "src/deskwire").mkdir(parents=True)
    (folder / "src/deskwire/__init__.py").write_text(f'__version__ = "{version}"\n')
    (folder / "CHANGELOG.md").write_text(
        f"# Changelog\n\n## [Unreleased]\n\n- Later.\n\n{heading}\n\n- Now.\n\n"
        "## [0.0.1] - 2020-01-01\n"
    )
    return folder


def test_notes_are_the_entries_of_the_version(tmp_path: Path) -> None:
    root = repository(tmp_path, "1.2.0", "## [1.2.0] - 2026-01-02")

    assert notes("1.2.0", root) == "- Now.\n"


def test_wrong_version_in_the_source_stops_the_release(tmp_path: Path) -> None:
    root = repository(tmp_path, "1.1.0", "## [1.2.0] - 2026-01-02")

    with pytest.raises(SystemExit, match="does not have the version"):
        notes("1.2.0", root)


def test_undated_heading_stops_the_release(tmp_path: Path) -> None:
    root = repository(tmp_path, "1.2.0", "## [1.2.0]")

    with pytest.raises(SystemExit, match="no dated heading"):
        notes("1.2.0", root)


def test_current_version_is_in_the_changelog() -> None:
    assert notes(__version__, ROOT)
