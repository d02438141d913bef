"""A state directory of the test's own, and what the auth tests say often."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deskwire.auth.state_directory import StateDirectory


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StateDirectory]:
    """Lend an open state directory."""
    state = StateDirectory.open(tmp_path / "state")
    yield state
    state.close()
