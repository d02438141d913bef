import asyncio
import subprocess
import sys
from typing import Any

import pytest

from deskwire.devices.sound import Unanswered

LOAD_WHERE_NOTHING_MAY_BE_LOOKED_FOR = """
import ctypes.util, tempfile

def look(*_):
    raise SystemExit("it is looked for")

ctypes.util.find_library = tempfile.NamedTemporaryFile = look
from deskwire.devices.sound import load
load()
assert ctypes.util.find_library is look
"""


async def test_an_answer_that_came_as_the_connection_ended_counts() -> None:
    loop = asyncio.get_running_loop()
    complaints: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, complaint: complaints.append(complaint))
    answered, on_its_way, open_still = (loop.create_future() for _ in range(3))
    waiting = Unanswered({answered, on_its_way, open_still})
    answered.set_result("100 %")
    loop.call_soon(on_its_way.set_result, "50 %")

    for future in waiting:
        future.set_exception(ConnectionError("ended"))

    assert await answered == "100 %"
    assert await on_its_way == "50 %"
    with pytest.raises(ConnectionError):
        await open_still
    assert complaints == []


def test_the_library_is_loaded_without_a_search_for_which_a_service_may_not_write() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOAD_WHERE_NOTHING_MAY_BE_LOOKED_FOR],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
