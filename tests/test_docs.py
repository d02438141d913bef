"""Links between the Markdown files, the form of the decision records, and the documented device."""

import re
from collections.abc import Iterator
from contextlib import aclosing
from itertools import pairwise
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from deskwire.devices.device import Device
from deskwire.devices.kernel.kernel_file import Roots
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.topics import fields
from tests.support.devices import resources

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("*/*.md"), *ROOT.glob("docs/**/*.md")])
RECORDS = sorted(ROOT.glob("docs/decisions/0*.md"))
SECTIONS = ["Context", "Decision", "Price"]


def links(page: Path) -> Iterator[str]:
    """Yield the relative links of a page, without its code blocks."""
    text = re.sub(
        r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    for link in re.findall(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"", text):
        target = link[0] or link[1]
        if not re.match(r"[a-z]+:|#", target):
            yield target.partition("#")[0]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_link_to_a_repository_file_leads_to_a_file(page: Path) -> None:
    assert [link for link in links(page) if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_named_source_file_exists(page: Path) -> None:
    named = re.findall(r"`((?:[a-z_]+/)+[a-z0-9_]+\.py)`", page.read_text(encoding="utf-8"))
    tops = (ROOT, ROOT / "src/deskwire", ROOT / "src", ROOT / "bench", ROOT / "dashboard")

    assert [file for file in named if not any((top / file).is_file() for top in tops)] == []


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem[:4])
def test_decision_record_is_numbered_dated_and_complete(record: Path) -> None:
    text = record.read_text(encoding="utf-8")

    assert text.startswith(f"# {record.stem[:4]}. ")
    assert re.search(r"^Date: \d{4}-\d\d-\d\d$", text, re.MULTILINE)
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS


def test_decision_index_lists_every_record_in_order() -> None:
    index = (ROOT / "docs/decisions/README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(\d{4})\]\(([\w-]+\.md)\) \| (\S+) \| (.*) \|$", index, re.MULTILINE)

    assert [file for _, file, _, _ in rows] == [record.name for record in RECORDS]
    for (number, file, date, title), record in zip(rows, RECORDS, strict=True):
        text = record.read_text(encoding="utf-8")
        assert file.startswith(number)
        assert text.startswith(f"# {number}. {title}\n")
        assert f"\nDate: {date}\n" in text


def test_decision_numbers_have_no_gap() -> None:
    numbers = [int(record.stem[:4]) for record in RECORDS]

    assert all(later == earlier + 1 for earlier, later in pairwise(numbers))


def test_readme_of_the_tests_lists_the_support_files() -> None:
    readme = (ROOT / "tests/README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([\w.]+)` \|", readme, re.MULTILINE)
    files = [file.name for file in (ROOT / "tests/support").iterdir() if file.is_file()]

    assert listed == sorted(file for file in files if file != "__init__.py")


async def test_documented_device_works(tmp_path: Path) -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"(?ms)^    ```python\n(.*?)^    ```", page)
    documented: dict[str, Any] = {}
    exec(compile(dedent(block), "CONTRIBUTING.md", "exec"), documented)
    (tmp_path / "loadavg").write_text("0.20 0.18 0.12 1/80 11206\n")
    device = documented["LoadDevice"](resources(roots=Roots(proc=tmp_path)))

    async with aclosing(device.watch()) as readings:
        assert await anext(readings) == documented["Load"](0.20)

    assert isinstance(device, Device)
    assert [field.name for field in fields(device.topic.reading)] == ["minute"]
    with pytest.raises(DeviceUnavailable):
        documented["parse_loadavg"](b"")
