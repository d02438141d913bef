"""What the whole walks share: buses for a module, and clients that end with their test."""

from collections.abc import Iterator

import pytest

from tests.support.buses import PrivateBus


@pytest.fixture(scope="module")
def bus() -> Iterator[PrivateBus]:
    """Lend a session bus to a whole module."""
    with PrivateBus() as bus:
        yield bus
