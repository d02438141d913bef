import asyncio
import datetime as dt
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from deskwire.daemon.config.load import BadSetting
from deskwire.daemon.config.settings import RELOADABLE, Compat, Server, Session, Settings
from deskwire.daemon.reload import (
    CERTIFICATE_CHECK_INTERVAL,
    Reloader,
    TlsCertificate,
    changed_keys,
    merge_reloadable,
)
from deskwire.daemon.systemd import SystemdNotifier
from deskwire.model.instant import Instant
from deskwire.model.units import Seconds
from deskwire.server.net.certificates import RENEWAL_DAYS, fingerprint
from deskwire.server.net.self_signed import make_certificate
from tests.support.waiting import until_async


class FakeTls(TlsCertificate):
    """A certificate that counts how often it is reloaded."""

    def __init__(self) -> None:
        self.reloads = 0

    def reload(self, server: Server) -> None:  # noqa: ARG002 - the signature of the real one
        self.reloads += 1


class Running:
    """A running reloader, with its settings and its clock."""

    def __init__(self) -> None:
        self.file: Settings | BadSetting = Settings()
        self.applied: list[Settings] = []
        self.now = 0.0
        self.wall = 0.0
        self.tls = FakeTls()
        self.reloader = Reloader(
            Settings(),
            load=self._read,
            apply=self.applied.append,
            tls=self.tls,
            notifier=SystemdNotifier({}),
            clock=lambda: Instant(wall=Seconds(self.wall + self.now), boot=Seconds(self.now)),
        )

    def _read(self) -> Settings:
        if isinstance(self.file, BadSetting):
            raise self.file
        return self.file


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    found = Running()
    task = asyncio.create_task(found.reloader.run())
    yield found
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.mark.virtual_time
async def test_reload_applies_reloadable_settings_and_names_the_others(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    running.file = Settings(
        server=Server(port=9000, allowed_hosts=("desk.example",)),
        compat=Compat(literal_event_names=True),
    )

    running.reloader.request()
    await until_async(lambda: running.tls.reloads == 1)

    (applied,) = running.applied
    assert applied.server == Server(allowed_hosts=("desk.example",))
    assert applied.compat.literal_event_names
    assert [record.message for record in caplog.records] == [
        "reloaded  changed=server.allowed_hosts,compat.literal_event_names",
        "a restart is required for server.port",
    ]


@pytest.mark.virtual_time
async def test_invalid_settings_change_nothing_and_are_logged_once(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    running.file = BadSetting("config.toml:3: server.port: no")

    running.reloader.request()
    await until_async(lambda: running.tls.reloads == 1)

    assert running.applied == []
    assert [record.message for record in caplog.records] == [
        "the settings are unchanged: config.toml:3: server.port: no"
    ]


@pytest.mark.virtual_time
async def test_first_connection_of_a_day_reloads_the_certificate(running: Running) -> None:
    running.now = CERTIFICATE_CHECK_INTERVAL - 1
    running.reloader.on_connection()
    await asyncio.sleep(0.02)
    before = running.tls.reloads
    running.now = CERTIFICATE_CHECK_INTERVAL
    running.reloader.on_connection()
    await until_async(lambda: running.tls.reloads == 1)
    running.reloader.on_connection()
    await asyncio.sleep(0.02)

    assert before == 0
    assert running.tls.reloads == 1
    assert running.applied == []


@pytest.mark.virtual_time
@pytest.mark.parametrize("step", [1.8e9, 86_400.0, 3600.0, -3600.0, -1.8e9])
async def test_step_of_the_wall_clock_reloads_the_certificate_once(
    running: Running, step: float
) -> None:
    running.now = 10.0
    running.wall += step

    for _ in range(3):
        running.reloader.on_connection()
        await asyncio.sleep(0.02)

    assert running.tls.reloads == 1


@pytest.mark.virtual_time
async def test_adjusted_wall_clock_does_not_reload_the_certificate(running: Running) -> None:
    for _ in range(100):  # a time server corrects a drifting clock
        running.now += 60
        running.wall += 0.5
        running.reloader.on_connection()
        await asyncio.sleep(0.02)

    assert running.tls.reloads == 0


def test_only_reloadable_settings_are_merged_and_each_of_them_exists() -> None:
    after = Settings(session=Session(lifetime=Seconds(60.0), warning=Seconds(30.0)))
    every = {f"{name}.{key}" for name in ("server", "session", "stats", "art", "compat", "devices")
             for key in getattr(Settings(), name).__struct_fields__}  # fmt: skip

    assert list(changed_keys(Settings(), after)) == ["session.lifetime", "session.warning"]
    assert merge_reloadable(Settings(), after).session == Session(warning=Seconds(30.0))
    assert every >= RELOADABLE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_certificate(tmp_path / "tls", ["localhost"], dt.datetime.now(dt.UTC))
    return tmp_path


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


def test_new_certificate_is_loaded_and_logged(folder: Path, log: pytest.LogCaptureFixture) -> None:
    server = Server(certificate=folder / "tls/certificate.pem", key=folder / "tls/key.pem")
    tls = TlsCertificate(server)
    before = tls.fingerprint
    make_certificate(folder / "tls", ["localhost"], dt.datetime.now(dt.UTC))

    tls.reload(server)
    tls.reload(server)

    assert tls.fingerprint != before
    assert [record.message for record in log.records] == [
        f"new certificate  SHA-256 {tls.fingerprint}"
    ]


@pytest.mark.parametrize("broken", ["certificate.pem", "key.pem"])
def test_invalid_certificate_file_keeps_the_old_one_and_is_logged(
    folder: Path, log: pytest.LogCaptureFixture, broken: str
) -> None:
    server = Server(certificate=folder / "tls/certificate.pem", key=folder / "tls/key.pem")
    tls = TlsCertificate(server)
    before = tls.fingerprint
    (folder / "tls" / broken).write_text("nothing")

    tls.reload(server)

    assert tls.fingerprint == before
    (line,) = [record.message for record in log.records]
    assert line.startswith("the certificate is unchanged: ")
    assert str(folder / "tls" / broken) in line


def test_old_certificate_of_the_desk_is_renewed(folder: Path) -> None:
    tls = TlsCertificate(Server(state_dir=folder))
    before = tls.fingerprint
    old = dt.datetime.now(dt.UTC) - dt.timedelta(days=366 - RENEWAL_DAYS)
    make_certificate(folder / "tls", ["localhost"], old)
    almost_expired = fingerprint(folder / "tls/certificate.pem")

    tls.reload(Server(state_dir=folder))

    assert tls.fingerprint not in {before, almost_expired}
