"""The packaged units under a real `systemd --user` with its journal.

Not part of `make test`: it needs namespaces and control groups. Run `make test-systemd`.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.logs import LOGS
from tests.support.media import Media
from tests.support.waiting import until
from tests.system.user_manager.manager import UserManager

pytestmark = pytest.mark.systemd

PASSWORD = "correct horse battery"
STATUS = "/proc/{}/status"


@pytest.fixture(scope="module")
def manager(media: Media) -> Iterator[UserManager]:
    """Lend the systemd of ann, with a player that plays and a desk user ann."""
    with UserManager(media) as manager:
        manager.output_of(
            "deskwire", "users", "add", "ann", "--password-stdin", given=f"{PASSWORD}\n"
        )
        manager.systemctl("start", "dbus.socket", "sound", "player")
        yield manager
        LOGS.add_and_check("\n".join(messages(manager)), [PASSWORD])


@pytest.fixture
def desk(manager: UserManager) -> Iterator[UserManager]:
    """Lend the same with deskwire.service started and ann logged in."""
    manager.systemctl("start", "deskwire.service")
    log_in(manager)
    yield manager
    manager.systemctl("stop", "deskwire.service")
    manager.run("systemctl", "--user", "reset-failed", "deskwire.service")


def log_in(manager: UserManager) -> None:
    shown = manager.output_of("deskwire", "doctor", "--json")
    (fingerprint,) = {
        word.replace(":", "").lower()
        for word in shown.replace('"', " ").split()
        if is_fingerprint(word)
    }
    words = ("login", "https://127.0.0.1:8765", "--user", "ann", "--fingerprint", fingerprint)
    manager.output_of("deskwire", *words, "--password-stdin", given=f"{PASSWORD}\n")


def is_fingerprint(word: str) -> bool:
    return word.count(":") == 31


def complete_stats(manager: UserManager) -> dict[str, Any]:
    """Return the first `stats` that have the player's cover and the volume."""

    def complete() -> dict[str, Any] | None:
        stats: dict[str, Any] = json.loads(
            manager.output_of("sh", "-c", "deskwire watch --json | head -n 1")
        )
        return (
            stats
            if stats["audio"] and "art_url" in stats["audio"][0] and "volume" in stats
            else None
        )

    return until(complete, within=10, what="complete stats")


def messages(manager: UserManager) -> list[str]:
    return [entry["MESSAGE"] for entry in manager.journal_entries()]


def test_service_is_started_once_requests_are_accepted(manager: UserManager) -> None:
    manager.systemctl("start", "deskwire.service")

    health = manager.output_of("curl", "-sk", "https://127.0.0.1:8765/healthz")
    manager.systemctl("stop", "deskwire.service")

    assert json.loads(health)["data"] == {"status": "ok"}
    assert manager.unit_property("Result") == "success"


def test_hardened_service_reaches_all_devices(desk: UserManager) -> None:
    stats = complete_stats(desk)
    desk.output_of("deskwire", "art", "player1", "-o", "/home/ann/cover.jpg")
    desk.output_of("cmp", "/home/ann/cover.jpg", str(desk.cover))
    desk.output_of("deskwire", "play-pause", "player1")
    paused = until(
        lambda: stats if not (stats := complete_stats(desk))["audio"][0]["playing"] else None
    )

    assert stats["audio"][0]["title"] == "The Reason"
    assert stats["volume"] == 100
    assert paused["audio"][0]["title"] == "The Reason"
    desk.output_of("deskwire", "play-pause", "player1")


def test_sandbox_is_in_force(desk: UserManager) -> None:
    pid = desk.unit_property("MainPID")
    content = desk.output_of("cat", STATUS.format(pid))
    status = dict(line.split(":\t", 1) for line in content.splitlines() if ":\t" in line)
    enters = ("nsenter", f"--target={pid}", "--user", "--mount", "--preserve-credentials", "touch")
    written = desk.run(*enters, "/home/ann/.local/state/deskwire/written")
    refused = desk.run(*enters, "/home/ann/not-here")

    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert int(status["CapEff"], 16) == 0
    assert written.returncode == 0, written.stderr
    assert "Read-only file system" in refused.stderr


def test_journal_has_the_priority_of_each_line(desk: UserManager) -> None:
    words = ("login", "https://127.0.0.1:8765", "--user", "ann", "--password-stdin")
    refused = desk.run("deskwire", *words, given="a wrong one\n")
    until(lambda: any("login refused" in each for each in messages(desk)))

    priority = {
        entry["MESSAGE"].split("  ")[0]: entry["PRIORITY"] for entry in desk.journal_entries()
    }
    assert refused.returncode == 5
    assert priority["started"] == "6"
    assert priority["login began"] == "6"
    assert priority["login refused"] == "4"


def test_reload_applies_settings_in_the_same_process(desk: UserManager) -> None:
    pid = desk.unit_property("MainPID")
    desk.write(
        "/home/ann/.config/deskwire/config.toml", '[server]\nallowed_hosts = ["desk.example"]\n'
    )
    desk.systemctl("reload", "deskwire.service")
    until(lambda: "reloaded  changed=server.allowed_hosts" in messages(desk))

    assert desk.unit_property("MainPID") == pid
    assert desk.unit_property("ActiveState") == "active"


@pytest.mark.parametrize("signal", ["KILL", "SEGV"])
def test_killed_service_is_restarted_and_keeps_its_logins(desk: UserManager, signal: str) -> None:
    pid = desk.unit_property("MainPID")
    desk.output_of("kill", f"-{signal}", pid)
    until(
        lambda: (
            desk.unit_property("MainPID") not in {pid, "0"}
            and desk.unit_property("ActiveState") == "active"
        )
    )

    assert desk.unit_property("NRestarts") == "1"
    assert complete_stats(desk)["audio"]


def test_hung_service_is_restarted_by_the_watchdog(manager: UserManager) -> None:
    folder = "/home/ann/.config/systemd/user/deskwire.service.d"
    manager.write(f"{folder}/watchdog.conf", "[Service]\nWatchdogSec=3\n")
    manager.systemctl("daemon-reload")
    manager.systemctl("start", "deskwire.service")
    pid = manager.unit_property("MainPID")
    manager.output_of("kill", "-STOP", pid)
    until(lambda: manager.unit_property("MainPID") not in {pid, "0"}, within=20)
    until(lambda: manager.unit_property("ActiveState") == "active")
    log = manager.log()
    manager.systemctl("stop", "deskwire.service")
    manager.output_of("rm", "-r", folder)
    manager.systemctl("daemon-reload")

    assert "Watchdog timeout (limit 3s)!" in log
    assert "Failed with result 'watchdog'" in log


def test_service_with_invalid_settings_is_not_restarted(manager: UserManager) -> None:
    manager.write("/home/ann/.config/deskwire/config.toml", "[server]\nport = 'eighty'\n")
    started = manager.run("systemctl", "--user", "start", "deskwire.service")
    state = (
        manager.unit_property("ActiveState"),
        manager.unit_property("ExecMainStatus"),
        manager.unit_property("NRestarts"),
    )
    manager.output_of("rm", "/home/ann/.config/deskwire/config.toml")
    manager.systemctl("reset-failed", "deskwire.service")

    assert started.returncode != 0
    assert state == ("failed", "2", "0")
    assert any("server.port" in message for message in messages(manager))


def test_socket_unit_starts_the_service_at_the_first_request(manager: UserManager) -> None:
    manager.systemctl("start", "deskwire.socket")
    before = manager.unit_property("ActiveState")
    health = manager.output_of("curl", "-sk", "https://127.0.0.1:8765/healthz")
    after = manager.unit_property("ActiveState")
    manager.systemctl("stop", "deskwire.socket", "deskwire.service")

    assert (before, after) == ("inactive", "active")
    assert json.loads(health)["data"] == {"status": "ok"}
