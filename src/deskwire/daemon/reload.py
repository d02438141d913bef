"""What changes while the daemon runs: on SIGHUP settings and certificate, that one daily too.

A file with a mistake in it changes nothing and is one line in the log. Of the settings those in
`RELOADABLE` take effect; another that was changed is named, and waits for the next start.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator

import msgspec

from deskwire.daemon.config.load import BadSetting
from deskwire.daemon.config.settings import RELOADABLE, Settings
from deskwire.daemon.systemd import SystemdNotifier
from deskwire.daemon.tls import TlsCertificate
from deskwire.model.instant import Clock
from deskwire.model.units import Seconds

A_DAY = Seconds(86_400.0)

log = logging.getLogger("deskwire")


class SettingsReloader:
    """Takes what is new, when it is asked to."""

    def __init__(
        self,
        settings: Settings,
        *,
        reread: Callable[[], Settings],
        adopt: Callable[[Settings], None],
        tls: TlsCertificate | None,
        notify: SystemdNotifier,
        clock: Clock,
    ) -> None:
        """`reread` reads the settings anew and raises `BadSetting`; `adopt` is handed them."""
        self._settings = settings
        self._reread = reread
        self._adopt = adopt
        self._tls = tls
        self._notify = notify
        self._clock = clock
        self._looked = clock().boot
        self._asked = False
        self._due = asyncio.Event()

    def ask(self) -> None:
        """Take everything anew."""
        self._asked = True
        self._due.set()

    def visitor(self) -> None:
        """Somebody connects; a day after the last look, look at the certificate again."""
        if self._tls is not None and self._clock().boot - self._looked >= A_DAY:
            self._due.set()

    async def run(self) -> None:
        """Go on for ever; cancel it to stop."""
        while True:
            await self._due.wait()
            self._due.clear()
            self._looked = self._clock().boot
            asked, self._asked = self._asked, False
            if asked:
                self._notify.reloading()
                await self._take_settings()
            if self._tls is not None:
                await asyncio.to_thread(self._tls.reload, self._settings.server)
            if asked:
                self._notify.ready()

    async def _take_settings(self) -> None:
        try:
            found = await asyncio.to_thread(self._reread)
        except BadSetting as problem:
            log.warning("the settings stay as they were: %s", problem.message)
            return
        different = list(changes(self._settings, found))
        taken = [key for key in different if key in RELOADABLE]
        waiting = [key for key in different if key not in RELOADABLE]
        self._settings = merged(self._settings, found)
        self._adopt(self._settings)
        log.info("reloaded  changed=%s", ",".join(taken) or "nothing")
        if waiting:
            log.warning("at the next start only: %s", ", ".join(waiting))


def changes(before: Settings, after: Settings) -> Iterator[str]:
    """Name each setting that differs, as `section.key`."""
    for section in msgspec.structs.fields(Settings):
        old, new = getattr(before, section.name), getattr(after, section.name)
        for field in msgspec.structs.fields(section.type):
            if getattr(old, field.name) != getattr(new, field.name):
                yield f"{section.name}.{field.name}"


def merged(before: Settings, after: Settings) -> Settings:
    """Return `before` with what may be reloaded from `after`."""
    sections = {}
    for section in msgspec.structs.fields(Settings):
        new = getattr(after, section.name)
        taken = {
            field.name: getattr(new, field.name)
            for field in msgspec.structs.fields(section.type)
            if f"{section.name}.{field.name}" in RELOADABLE
        }
        sections[section.name] = msgspec.structs.replace(getattr(before, section.name), **taken)
    return msgspec.structs.replace(before, **sections)
