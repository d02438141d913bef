import io

import msgspec
import pytest

from deskwire import __version__
from deskwire.cli.doctor_report import Report, build_report, format_report
from deskwire.daemon.doctor.health import Condition, Finding
from deskwire.daemon.probe import ProbeResult
from deskwire.model.readings import Memory
from deskwire.model.units import Bytes, Seconds
from deskwire.terminal.console import Console

NOW = Seconds(0.0)
PYTHON = Finding(name="python", condition=Condition.OK, found="3.11 at /bin/python")
MEMORY = ProbeResult(
    name="memory", condition=Condition.OK, reading=Memory(used=Bytes(2048)), via="/proc/meminfo"
)
SOUNDLESS = ProbeResult(
    name="volume", condition=Condition.UNAVAILABLE, why="no sound server", remedy="install one"
)
OPEN = Finding(
    name="certificate",
    condition=Condition.UNSAFE,
    found="/tls/certificate.pem",
    why="others may read the key",
    remedy="chmod 600 it",
)


def printed(whole: Report) -> list[str]:
    return list(format_report(whole, Console(io.StringIO(), {})))


def test_every_key_of_the_json_is_always_there() -> None:
    assert msgspec.json.decode(
        msgspec.json.encode(build_report([PYTHON], [MEMORY, SOUNDLESS], NOW))
    ) == {
        "version": __version__,
        "fine": False,
        "desk": [
            {
                "name": "python",
                "condition": "ok",
                "found": "3.11 at /bin/python",
                "why": "",
                "remedy": "",
            }
        ],
        "devices": [
            {
                "name": "memory",
                "condition": "ok",
                "found": "2.0 KiB in use",
                "via": "/proc/meminfo",
                "why": "",
                "remedy": "",
            },
            {
                "name": "volume",
                "condition": "unavailable",
                "found": "",
                "via": "",
                "why": "no sound server",
                "remedy": "install one",
            },
        ],
        "snapshot": {"memory_bytes": 2048, "audio": []},
    }


@pytest.mark.parametrize(
    ("condition", "fine"),
    [
        (Condition.OK, True),
        (Condition.ABSENT, True),
        (Condition.DISABLED, True),
        (Condition.UNAVAILABLE, False),
        (Condition.UNSAFE, False),
    ],
)
def test_a_desk_is_fine_unless_something_is_unavailable_or_unsafe(
    condition: Condition, fine: bool
) -> None:
    assert build_report([Finding(name="state", condition=condition)], [MEMORY], NOW).fine is fine
    assert build_report([PYTHON], [ProbeResult(name="wifi", condition=condition)], NOW).fine is fine


def test_a_page_says_what_is_amiss_and_what_to_do() -> None:
    assert printed(build_report([PYTHON, OPEN], [MEMORY, SOUNDLESS], NOW)) == [
        "python       ok           3.11 at /bin/python",
        "certificate  unsafe       /tls/certificate.pem",
        "             others may read the key",
        "             -> chmod 600 it",
        "memory       ok           2.0 KiB in use",
        "             via /proc/meminfo",
        "volume       unavailable  no sound server",
        "             -> install one",
        "",
        "look at: certificate, volume",
    ]


def test_a_page_of_a_desk_that_is_fine_says_so() -> None:
    assert printed(build_report([PYTHON], [MEMORY], NOW))[-1] == "all is well"


def test_a_strangers_text_cannot_command_the_terminal() -> None:
    evil = ProbeResult(
        name="players", condition=Condition.UNAVAILABLE, why="\x1b[2J", remedy="\x07"
    )

    assert "\x1b" not in "".join(printed(build_report([], [evil], NOW)))
    assert "\x07" not in "".join(printed(build_report([], [evil], NOW)))
