"""Fixtures of the system tests."""

from collections.abc import Iterator

import pytest

from tests.support.buses import PrivateBus


@pytest.fixture(scope="module")
def bus() -> Iterator[PrivateBus]:
    """Lend a session bus to all tests of a module."""
    with PrivateBus() as bus:
        yield bus
