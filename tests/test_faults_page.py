"""docs/reference/faults.md says which test holds what; the threat model, what guards it."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "src/deskwire"
FAULTS = ROOT / "docs/reference/faults.md"
MODEL = ROOT / "docs/explanation/threat-model.md"
TESTS_OF_FAULTS = "tests/system/test_faults*.py"


@cache
def functions_of(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    found = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(each.name for each in ast.walk(tree) if isinstance(each, found))


def rows(page: Path) -> dict[str, str]:
    """Return what each row of the page's tables begins with, and the rest of it."""
    section, found = "", {}
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section = line
        elif line.startswith("| ") and not line.startswith(("| attack or", "| against", "| who")):
            first, _, rest = line.removeprefix("| ").partition(" | ")
            if section:
                found[f"{section}: {first}"] = rest
    return found


def said_to_hold() -> Iterator[tuple[str, str]]:
    for rest in rows(FAULTS).values():
        yield from re.findall(r"`([\w/.]+)::(\w+)`", rest)


def test_every_test_that_is_said_to_hold_a_row_is_there() -> None:
    named = list(said_to_hold())
    missing = [f"{file}::{name}" for file, name in named if name not in functions_of(file)]

    assert len(named) > 100
    assert missing == []


def test_every_row_is_held_by_a_test() -> None:
    assert [attack for attack, rest in rows(FAULTS).items() if "::test_" not in rest] == []


def test_every_test_of_a_fault_holds_a_row() -> None:
    files = [str(path.relative_to(ROOT)) for path in ROOT.glob(TESTS_OF_FAULTS)]
    tests = {(file, name) for file in files for name in functions_of(file) if name[:5] == "test_"}

    assert len(files) > 5
    assert tests - set(said_to_hold()) == set()


def test_every_row_has_its_guard_in_the_threat_model_and_no_other_has() -> None:
    assert list(rows(MODEL)) == list(rows(FAULTS))


def test_every_file_that_is_said_to_guard_is_there() -> None:
    named = {file for rest in rows(MODEL).values() for file in re.findall(r"`([\w/]+\.py)`", rest)}
    missing = [file for file in named if not any((top / file).is_file() for top in (ROOT, SOURCES))]

    assert len(named) > 20
    assert missing == []
