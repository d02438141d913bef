"""Fixtures of all tests, and checks that run with every test.

The checks fail a test that leaves a task behind, blocks the event loop, logs a secret or an
unhandled failure, or starts a system program without the marker `desktop`.
"""

import asyncio
import logging
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from blockbuster import BlockBuster
from hypothesis import settings
from pytest_asyncio import is_async_test

from tests.support.buses import PrivateBus
from tests.support.logs import LOGS, LogWatcher
from tests.support.media import Media, make_media
from tests.support.virtual_time import VirtualTimeLoop

MAY_BLOCK: tuple[tuple[str, str, str], ...] = (
    # (file, function, why it may block the event loop)
    ("deskwire/devices/disk.py", "ask", "calls the file system only if that cannot block"),
)
TURNS = 10
"""Turns of the loop that a cancelled task gets to end after its test."""

DESKTOP_FOLDERS = ("system", "tools")
DESKTOP_FIXTURES = frozenset({"session_bus", "system_bus", "media", "pulse", "bed", "upower"})
"""Fixtures that start system programs; a test that uses one gets the marker `desktop`."""
OWN_PROGRAMS = frozenset({"deskwire", "git", "sh", "true", Path(sys.executable).name})
"""Programs that a test without the marker `desktop` may start."""

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # a shell ignores SIGINT for its background jobs, and each child would inherit that
    signal.signal(signal.SIGINT, signal.default_int_handler)

# the duration of one example depends on the load of the machine
settings.register_profile("desk", deadline=None)
settings.load_profile("desk")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need the packages of tests/support/install."""
    for item in items:
        folder = Path(item.path).relative_to(Path(__file__).parent).parts[0]
        fixtures = getattr(item, "fixturenames", ())
        if folder in DESKTOP_FOLDERS or not DESKTOP_FIXTURES.isdisjoint(fixtures):
            item.add_marker(pytest.mark.desktop)


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run tests with the marker `virtual_time` in virtual time (tests/support/virtual_time.py)."""
    if item.get_closest_marker("virtual_time"):
        return {"virtual_time": VirtualTimeLoop}
    return {"usual": asyncio.new_event_loop}


@pytest.fixture(scope="session", autouse=True)
def _no_blocking_call() -> Iterator[None]:
    """Make a call of deskwire that blocks the running event loop raise."""
    blockbuster = BlockBuster("deskwire")
    for file, function, _ in MAY_BLOCK:
        for guarded in blockbuster.functions.values():
            guarded.can_block_in(file, function)
    blockbuster.activate()
    yield
    blockbuster.deactivate()


@pytest.fixture(scope="session")
def log_watcher() -> Iterator[LogWatcher]:
    """Lend the handler that watches the log of this process."""
    watcher = LogWatcher()
    logging.getLogger().addHandler(watcher)
    yield watcher
    logging.getLogger().removeHandler(watcher)


@pytest.fixture(scope="session", autouse=True)
def _no_log_has_a_secret() -> Iterator[None]:
    """Look at every log together, at the end."""
    yield
    LOGS.check()


@pytest.fixture(autouse=True)
def _no_forbidden_line_is_logged(log_watcher: LogWatcher) -> Iterator[None]:
    """Fail a test during which a token or an unhandled failure was logged."""
    log_watcher.caught.clear()
    yield
    assert log_watcher.caught == []


@pytest.fixture(autouse=True)
def _pure_test_starts_no_system_program(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Make a test without the marker `desktop` fail when it starts a system program."""
    if request.node.get_closest_marker("desktop"):
        return
    original = subprocess.Popen.__init__

    def guarded(self: object, args: Any, *rest: Any, **options: Any) -> None:
        program = args if isinstance(args, str | bytes | Path) else args[0]
        name = Path(str(program)).name
        assert name in OWN_PROGRAMS, f"{name} needs @pytest.mark.desktop"
        original(self, args, *rest, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess.Popen, "__init__", guarded)


@pytest.fixture(autouse=True)
def _watch_tasks(request: pytest.FixtureRequest) -> None:
    if is_async_test(request.node):
        request.getfixturevalue("_no_task_left_behind")


@pytest.fixture
async def _no_task_left_behind() -> AsyncIterator[None]:
    """Fail a test whose tasks outlive it; the fixture is set up first, so it checks last."""
    before = asyncio.all_tasks()
    yield
    for _ in range(TURNS):
        await asyncio.sleep(0)
    left = [describe(task) for task in asyncio.all_tasks() - before - {asyncio.current_task()}]
    if left:
        pytest.fail("left behind by this test:\n" + "\n".join(left))


def describe(task: "asyncio.Task[Any] | None") -> str:
    """Return the name of a task and the lines where it waits."""
    assert task is not None
    where = [f"{frame.f_code.co_filename}:{frame.f_lineno}" for frame in task.get_stack()]
    return f"  {task.get_name()} {getattr(task.get_coro(), '__qualname__', '')} {where}"


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Media:
    """Tagged tracks and a cover, made once."""
    return make_media(tmp_path_factory.mktemp("media") / "music")


@pytest.fixture
def session_bus() -> Iterator[PrivateBus]:
    """Lend a private session bus."""
    with PrivateBus() as bus:
        yield bus


@pytest.fixture
def system_bus() -> Iterator[PrivateBus]:
    """Lend a private system bus."""
    with PrivateBus(system=True) as bus:
        yield bus
