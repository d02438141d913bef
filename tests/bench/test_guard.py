import json
from pathlib import Path

import pytest

from bench.guard import BASELINE, compare, ratios, total

COUNTED = {"calibration": 1000, "fan-out": 300, "hour": 2000}
TAKEN = {"taken_on": {"python": "3.11.2"}, "ratios": {"fan-out": 0.3, "hour": 2.0}}


def test_the_same_work_passes() -> None:
    verdicts = compare(TAKEN, COUNTED, "3.11.9")

    assert [(verdict.work, round(verdict.change, 6), verdict.fine) for verdict in verdicts] == [
        ("fan-out", 0.0, True),
        ("hour", 0.0, True),
    ]


def test_a_tenth_more_passes_and_more_than_that_does_not() -> None:
    tenth = compare(TAKEN, {**COUNTED, "fan-out": 329}, "3.11.2")
    more = compare(TAKEN, {**COUNTED, "fan-out": 333}, "3.11.2")

    assert [verdict.fine for verdict in tenth] == [True, True]
    assert [verdict.fine for verdict in more] == [False, True]


def test_an_interpreter_that_needs_less_for_everything_changes_nothing() -> None:
    halved = {work: number // 2 for work, number in COUNTED.items()}

    assert ratios(halved) == ratios(COUNTED)


def test_other_python_version_gets_a_wider_tolerance() -> None:
    fan_out, hour = compare(TAKEN, {**COUNTED, "fan-out": 360, "hour": 2600}, "3.13.0")

    assert fan_out.fine
    assert not hour.fine


def test_count_is_parsed_from_callgrind_output(tmp_path: Path) -> None:
    dump = tmp_path / "counted.2"
    dump.write_text("# callgrind format\nevents: Ir\nsummary: 12\n\ntotals: 254602655\n")

    assert total(dump) == 254602655


def test_dump_without_a_count_ends_the_run_with_a_message(tmp_path: Path) -> None:
    dump = tmp_path / "counted.2"
    dump.write_text("# callgrind format\n")

    with pytest.raises(SystemExit, match=r"counted nothing in counted\.2"):
        total(dump)


def test_baseline_names_its_python_version() -> None:
    stored = json.loads(BASELINE.read_text(encoding="utf-8"))

    assert set(stored["taken_on"]) == {
        *("python", "compiler", "machine", "libc"),
        *("aiohttp", "msgspec"),
    }
    assert set(stored["ratios"]) == set(stored["instructions"]) - {"calibration"}
