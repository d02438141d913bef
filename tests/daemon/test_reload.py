import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from deskwire.daemon.config.load import BadSetting
from deskwire.daemon.config.settings import RELOADABLE, Compat, Server, Session, Settings
from deskwire.daemon.reload import A_DAY, SettingsReloader, changes, merged
from deskwire.daemon.systemd import SystemdNotifier
from deskwire.daemon.tls import TlsCertificate
from deskwire.model.instant import Instant
from deskwire.model.units import Seconds
from tests.support.waiting import until_async

pytestmark = pytest.mark.warped


class FakeTls(TlsCertificate):
    """A certificate that counts how often it is looked at."""

    def __init__(self) -> None:
        self.looks = 0

    def reload(self, server: Server) -> None:  # noqa: ARG002 - the true one's signature
        self.looks += 1


class Running:
    """A reload at work, its settings and its time."""

    def __init__(self) -> None:
        self.file: Settings | BadSetting = Settings()
        self.adopted: list[Settings] = []
        self.now = 0.0
        self.tls = FakeTls()
        self.reload = SettingsReloader(
            Settings(),
            reread=self._read,
            adopt=self.adopted.append,
            tls=self.tls,
            notify=SystemdNotifier({}),
            clock=lambda: Instant(wall=Seconds(0), boot=Seconds(self.now)),
        )

    def _read(self) -> Settings:
        if isinstance(self.file, BadSetting):
            raise self.file
        return self.file


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    found = Running()
    task = asyncio.create_task(found.reload.run())
    yield found
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_what_may_change_takes_effect_and_the_rest_is_named(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    running.file = Settings(
        server=Server(port=9000, allowed_hosts=("desk.example",)),
        compat=Compat(literal_event_names=True),
    )

    running.reload.ask()
    await until_async(lambda: running.tls.looks == 1)

    (adopted,) = running.adopted
    assert adopted.server == Server(allowed_hosts=("desk.example",))
    assert adopted.compat.literal_event_names
    assert [record.message for record in caplog.records] == [
        "reloaded  changed=server.allowed_hosts,compat.literal_event_names",
        "at the next start only: server.port",
    ]


async def test_a_mistake_changes_nothing_and_is_one_line(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    running.file = BadSetting("config.toml:3: server.port: no")

    running.reload.ask()
    await until_async(lambda: running.tls.looks == 1)

    assert running.adopted == []
    assert [record.message for record in caplog.records] == [
        "the settings stay as they were: config.toml:3: server.port: no"
    ]


async def test_the_first_visitor_of_a_day_has_the_certificate_looked_at(running: Running) -> None:
    running.now = A_DAY - 1
    running.reload.visitor()
    await asyncio.sleep(0.02)
    before = running.tls.looks
    running.now = A_DAY
    running.reload.visitor()
    await until_async(lambda: running.tls.looks == 1)
    running.reload.visitor()
    await asyncio.sleep(0.02)

    assert before == 0
    assert running.tls.looks == 1
    assert running.adopted == []


def test_only_what_is_named_is_taken_and_every_name_is_a_setting() -> None:
    after = Settings(session=Session(lifetime=Seconds(60.0), warning=Seconds(30.0)))
    every = {f"{name}.{key}" for name in ("server", "session", "stats", "art", "compat", "devices")
             for key in getattr(Settings(), name).__struct_fields__}  # fmt: skip

    assert list(changes(Settings(), after)) == ["session.lifetime", "session.warning"]
    assert merged(Settings(), after).session == Session(warning=Seconds(30.0))
    assert every >= RELOADABLE
