"""The daemon as a service: systemd units, notifications, inherited sockets, reload."""

import asyncio
import configparser
import datetime as dt
import fcntl
import os
import re
import shutil
import socket
import ssl
import stat
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from signal import SIGHUP

import pytest

from deskwire.server.net.self_signed import make_certificate
from tests.support.client import Client
from tests.support.logs import LOGS
from tests.support.programs import PROGRAM, Daemon, environment
from tests.support.time_scaling import patiently
from tests.support.waiting import until, until_async

PACKAGING = Path(__file__).parent.parent.parent / "packaging"
UNITS = ("deskwire.service", "deskwire.socket")


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """Lend the environment of a user with the program and its units in the home folder."""
    program = tmp_path / ".local/bin/deskwire"
    program.parent.mkdir(parents=True)
    program.symlink_to(PROGRAM)
    for unit in UNITS:
        shutil.copy(PACKAGING / unit, tmp_path)
    (tmp_path / "run").mkdir(mode=0o700)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "XDG_RUNTIME_DIR": str(tmp_path / "run"),
        "SYSTEMD_COLORS": "0",
    }


def analyze(*words: str, env: dict[str, str]) -> str:
    done = subprocess.run(
        ["systemd-analyze", *words],
        cwd=env["HOME"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_units_pass_systemd_analyze_verify(installed: dict[str, str]) -> None:
    output = analyze("verify", "--user", *(f"./{unit}" for unit in UNITS), env=installed)

    assert output == ""


def test_unit_has_the_required_settings() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(PACKAGING / "deskwire.service")
    required = {"Type": "notify", "Restart": "on-failure", "PrivateTmp": "no"}

    assert dict(unit["Service"]) | required == dict(unit["Service"])
    assert int(unit["Service"]["WatchdogSec"]) > 0


def test_unit_has_a_low_exposure_level(installed: dict[str, str]) -> None:
    output = analyze(
        "security", "--offline=true", "--threshold=20", "./deskwire.service", env=installed
    )
    score = re.search(r"Overall exposure level for deskwire.service: ([\d.]+)", output)

    assert score is not None
    assert float(score[1]) <= 2.0


def test_state_files_are_private_to_their_owner(tmp_path: Path) -> None:
    open_umask = ["sh", "-c", 'umask 0; exec "$@"', "-"]
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    with Daemon(state_dir=tmp_path / "state", env=env, prefix=open_umask) as daemon:
        daemon.run("users", "list")
        files = [tmp_path / "state", *(tmp_path / "state").rglob("*"), *tmp_path.glob("cache/*")]
        modes = {
            each.name: f"{stat.S_IMODE(each.stat().st_mode):o}"
            for each in files
            if f"{stat.S_IMODE(each.stat().st_mode):o}" != ("700" if each.is_dir() else "600")
        }

    assert {"signing.key", "state.db", "control.sock", "key.pem"} <= {each.name for each in files}
    assert modes == {}


async def test_second_daemon_on_a_state_directory_is_refused_with_one_line() -> None:
    with Daemon() as daemon:
        second = daemon.run("serve", "--port", "0")
        async with Client(daemon) as client:
            login = await client.login()
            clients = daemon.run("logins")

    assert second.returncode == 4
    assert second.stdout == ""
    (line,) = second.stderr.splitlines()
    assert line.startswith(f"deskwire: another deskwire uses {daemon.state_dir}; stop it")
    assert login.status == 200
    assert clients.returncode == 0
    assert "owner" in clients.stdout


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    """Lend the notification socket of a service manager."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifications:
        notifications.bind(str(tmp_path / "notify"))
        notifications.settimeout(patiently(15))
        yield notifications


def test_service_manager_gets_each_notification(systemd: socket.socket) -> None:
    env = {"NOTIFY_SOCKET": systemd.getsockname(), "WATCHDOG_USEC": "400000"}
    with Daemon(env=env) as daemon:
        received: list[bytes] = []
        while b"READY=1" not in received or received[-1] != b"WATCHDOG=1":
            received.append(systemd.recv(200))
        os.kill(daemon.pid, SIGHUP)
        while not (reloading := systemd.recv(200)).startswith(b"RELOADING=1"):
            pass
        while (ready := systemd.recv(200)) == b"WATCHDOG=1":
            pass
        daemon.stop()
        while (stopping := systemd.recv(200)) == b"WATCHDOG=1":
            pass

    assert reloading.startswith(b"RELOADING=1\nMONOTONIC_USEC=")
    assert (ready, stopping) == (b"READY=1", b"STOPPING=1")


def test_inherited_socket_is_served(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as inherited:
        port = inherited.getsockname()[1]
        descriptor = fcntl.fcntl(inherited, fcntl.F_DUPFD, 10)  # one that bash does not use
        words = f"exec 3<&{descriptor} {descriptor}<&-; LISTEN_PID=$$ LISTEN_FDS=1 exec {PROGRAM} "
        daemon = subprocess.Popen(
            [
                "/bin/bash",
                "-c",
                words + f"serve --no-tls --host 127.0.0.1 --state-dir {tmp_path}/s",
            ],
            env=environment(tmp_path),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=[descriptor],
        )
        os.close(descriptor)
        with socket.create_connection(("127.0.0.1", port)) as early:  # before the daemon listens
            early.settimeout(patiently(15))
            early.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = early.makefile("rb").read()
        daemon.terminate()
        output, log = daemon.communicate(timeout=patiently(10))

    LOGS.add_and_check(log)
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert f"deskwire is ready at http://127.0.0.1:{port}" in output
    assert daemon.returncode == 0


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    pair = tmp_path / "pair"
    make_pair(pair)
    config = tmp_path / "config.toml"
    config.write_text("")
    settings = {
        "server_certificate": pair / "certificate.pem",
        "server_key": pair / "key.pem",
    }
    with Daemon("--config", str(config), settings=settings) as daemon:
        yield daemon


@pytest.fixture
async def client(daemon: Daemon) -> AsyncIterator[Client]:
    async with Client(daemon) as client:
        yield client


def make_pair(folder: Path) -> None:
    make_certificate(folder, ["localhost", "127.0.0.1"], dt.datetime.now(dt.UTC))


def served_certificate(daemon: Daemon) -> str:
    """Return the certificate that a new connection gets."""
    host, port = daemon.address.removeprefix("https://").split(":")
    return ssl.get_server_certificate((host, int(port)))


async def test_new_certificate_serves_new_connections_and_keeps_old_sockets(
    daemon: Daemon, client: Client, tmp_path: Path
) -> None:
    async with client.watch() as socket:
        before = await asyncio.to_thread(served_certificate, daemon)
        await asyncio.to_thread(make_pair, tmp_path / "pair")
        os.kill(daemon.pid, SIGHUP)
        await until_async(lambda: "new certificate  SHA-256" in daemon.log)
        after = await asyncio.to_thread(served_certificate, daemon)
        await socket.stats(since=socket.count)

        assert after == (tmp_path / "pair/certificate.pem").read_text()
        assert after != before
        assert socket.open


def test_broken_certificate_keeps_the_old_one(daemon: Daemon, tmp_path: Path) -> None:
    before = served_certificate(daemon)
    make_pair(tmp_path / "pair")
    (tmp_path / "pair/key.pem").write_text("nothing")

    os.kill(daemon.pid, SIGHUP)
    until(lambda: "the certificate is unchanged" in daemon.log)

    assert served_certificate(daemon) == before


async def test_reload_applies_settings_and_ignores_invalid_ones(
    daemon: Daemon, client: Client, tmp_path: Path
) -> None:
    async def status() -> int:
        answer = await client.request("GET", "/healthz", headers={"Host": "desk.example"})
        return answer.status

    before = await status()
    (tmp_path / "config.toml").write_text('[server]\nallowed_hosts = ["desk.example"]\n')
    os.kill(daemon.pid, SIGHUP)
    await until_async(lambda: "reloaded  changed=server.allowed_hosts" in daemon.log)
    after = await status()
    (tmp_path / "config.toml").write_text("[server]\nallowed_hosts = 7\n")
    os.kill(daemon.pid, SIGHUP)
    await until_async(lambda: "the settings are unchanged: " in daemon.log)

    assert (before, after, await status()) == (421, 200, 200)


async def test_reload_with_a_tls_public_url_makes_cookies_secure(
    tmp_path: Path,
) -> None:
    config = tmp_path / "config.toml"
    config.write_text("")
    with Daemon("--config", str(config), tls=False) as daemon:
        async with Client(daemon) as client:
            words = {"username": "owner", "password": daemon.owner_password}

            async def cookie() -> str:
                answer = await client.request("POST", "/v1/page/login", json=words)
                return answer.headers["Set-Cookie"]

            before = await cookie()
            config.write_text('[server]\npublic_url = "https://desk.example"\n')
            os.kill(daemon.pid, SIGHUP)
            await until_async(lambda: "reloaded  changed=server.public_url" in daemon.log)
            after = await cookie()

    assert before.startswith("deskwire-")
    assert "Secure" not in before
    assert after.startswith("__Host-deskwire-")
    assert after.endswith("; Secure")
