import os
import time
from pathlib import Path

import pytest

from deskwire.daemon.doctor.clock import clock
from deskwire.daemon.doctor.health import CheckFailed, Condition


def test_the_clock_is_told_and_whether_somebody_keeps_it(tmp_path: Path) -> None:
    found = clock(tmp_path)

    assert found.startswith(time.strftime("%Y-%m-%d "))
    assert found.endswith(("kept right", "kept right by nobody"))


def test_a_clock_behind_what_was_written_with_it_is_unsafe(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    state.touch()
    ahead = time.time() + 86_400
    os.utime(state, (ahead, ahead))

    with pytest.raises(CheckFailed, match="it is behind: ") as raised:
        clock(tmp_path)
    assert raised.value.condition is Condition.UNSAFE
    assert str(state) in raised.value.why
