from pathlib import Path

import pytest

from bench import prepare
from bench.prepare import Unobtainable


def test_missing_requirement_is_recorded_and_others_continue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    had = []

    def fails() -> None:
        raise Unobtainable("no such package")

    monkeypatch.setattr(prepare, "BUILD", tmp_path)
    monkeypatch.setattr(
        prepare, "NEEDS", {"one": fails, "other": lambda: had.append("other"), "unasked": fails}
    )

    missing = prepare.prepare("one", "other")

    assert missing == {"one": "no such package"}
    assert had == ["other"]


def test_a_step_that_fails_says_its_last_line() -> None:
    with pytest.raises(Unobtainable, match="sh: it is not there"):
        prepare.run(["sh", "-c", "echo looking; echo it is not there >&2; exit 3"])


@pytest.mark.desktop
def test_a_program_that_is_not_there_cannot_be_run() -> None:
    with pytest.raises(Unobtainable, match="no-such-program: No such file"):
        prepare.run(["no-such-program"])
