import subprocess
from pathlib import Path

from bench.asked import answers, ask, asked
from tests.support.time_scaling import patiently
from tests.support.waiting import until

PROGRAM = """\
import asyncio, sys
from pathlib import Path

async def main():
    waiting = [asyncio.create_task(asyncio.sleep(3600)) for _ in range(3)]
    Path(sys.argv[1]).touch()
    await asyncio.gather(*waiting)

if __name__ == "__main__":
    asyncio.run(main())
"""


def test_task_count_is_requested_from_the_daemon(tmp_path: Path) -> None:
    program, runs, file = tmp_path / "program", tmp_path / "runs", tmp_path / "answers"
    program.write_text(PROGRAM, encoding="utf-8")
    with subprocess.Popen([*asked(file), program, runs]) as process:
        until(runs.exists)
        ask(process.pid)
        until(lambda: len(answers(file)) == 1)
        ask(process.pid)
        until(lambda: len(answers(file)) == 2)
        process.kill()
        process.wait(patiently(5))

    assert answers(file) == [4, 4]
