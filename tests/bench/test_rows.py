import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bench import markdown, plots, report, results
from bench.goals import BARE_CALL, COMMAND
from bench.rows import all_rows, fanout, latency, page

LATENCY: dict[str, Any] = {"commit": "abc", "samples": {COMMAND: [3.0], BARE_CALL: [1.0]}}
PAGE: dict[str, Any] = {
    "commit": "abc",
    "figures": [{"name": "a visit", "value": 95.0, "unit": "KiB", "goal": 90, "kept": False}],
}


def test_series_has_its_median_and_95th_percentile() -> None:
    found = [(row.figure, row.value) for row in latency({"samples": {"a call": [1.0, 2.0, 9.0]}})]

    assert found == [("a call, median", 2.0), ("a call, 95th percentile", 9.0)]


def test_missed_goal_of_the_page_is_named() -> None:
    (row,) = page(PAGE)

    assert row.goal == "≤ 90 KiB: **missed**"


def test_goals_come_first_and_missing_results_are_named_as_such() -> None:
    rows = all_rows({"latency": LATENCY})

    assert rows[0].goal.endswith("not measured")
    assert [row.goal for row in rows if row.figure.startswith("a command to the call, ×")] == [
        "≤ 4 ×: yes"
    ]


def test_report_has_one_table_and_names_missing_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, result in {"latency": LATENCY, "page": PAGE}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(result), encoding="utf-8")
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    monkeypatch.setattr(report, "REPORT", tmp_path / "report.md")

    text = report.write().read_text(encoding="utf-8")

    assert len(re.findall(r"^\|---", text, re.MULTILINE)) == 1
    assert "* fanout, all of it: not measured (no result)." in text
    assert "a command to the call, median | 3.00 ms" in text


def test_figure_that_cannot_be_drawn_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plots, "PYTHON", Path("sh"))
    monkeypatch.setattr(markdown, "PICTURES", tmp_path)

    with pytest.raises(subprocess.CalledProcessError):
        markdown.picture("one", "a text", plots.Bars("title", "label", []))


def test_delivery_without_a_measured_c_loop_has_no_ratio() -> None:
    one = {"cpu_ms": 1.0, "got": 10, "extra": 0, "first_ms": 1.0, "median_ms": 1.0, "last_ms": 2.0}
    passes = [{"sizes": [{"size": 10, "rounds": [one], "resident_kib": 1}]}]
    result = {"sizes": [10], "modes": {"plain": {"passes": {"deskwire": passes}}}}

    assert [row.ratio for row in fanout(result)] == [None, None]
