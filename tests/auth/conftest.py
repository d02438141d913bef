"""A state directory of the test's own, and what the auth tests say often."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deskwire.auth.state import State


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    """Lend an open state directory."""
    state = State.open(tmp_path / "state")
    yield state
    state.close()
