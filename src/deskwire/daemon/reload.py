"""Reloading at run time: settings and certificate on SIGHUP, the certificate once a day as well.

A file with a mistake changes nothing and is logged. Of the settings, those in `RELOADABLE` take
effect; any other change is logged and takes effect at the next start. The desk's own certificate
is checked only when a client connects, so an idle desk needs no timer: once a day, and after a step
of the wall clock. A machine without a clock chip gets its time after the start.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec.structs import asdict, replace

from deskwire.daemon.config.load import BadSetting
from deskwire.daemon.config.settings import RELOADABLE, Server, Settings
from deskwire.daemon.systemd import SystemdNotifier
from deskwire.model.instant import Clock
from deskwire.model.problems import StateUnavailable
from deskwire.model.units import Seconds
from deskwire.server.net.certificates import (
    fingerprint,
    own_certificate,
    reload_certificate,
    server_context,
)

CERTIFICATE_CHECK_INTERVAL = Seconds(86_400.0)
CLOCK_STEP = Seconds(600.0)
"""Difference of the wall clock from the time that passed, from which the clock was set."""

log = logging.getLogger("deskwire")


class TlsCertificate:
    """The server's certificate, key and TLS context."""

    def __init__(self, server: Server) -> None:
        """Load the files; the desk's own are created first. Blocks; raises `StateUnavailable`."""
        certificate, key = certificate_files(server)
        self.context: ssl.SSLContext = server_context(certificate, key)
        self.fingerprint = fingerprint(certificate)

    def reload(self, server: Server) -> None:
        """Load the files again, and renew the desk's own certificate if it is old; blocks.

        If a file is not valid, the certificate stays and one line is logged.
        """
        try:
            certificate, key = certificate_files(server)
            reload_certificate(self.context, certificate, key)
            found = fingerprint(certificate)
        except (StateUnavailable, OSError) as problem:
            why = problem.message if isinstance(problem, StateUnavailable) else problem.strerror
            log.warning("the certificate is unchanged: %s", why)
            return
        if found != self.fingerprint:
            self.fingerprint = found
            log.info("new certificate  SHA-256 %s", found)


def certificate_files(server: Server) -> tuple[Path, Path]:
    """Return the paths of certificate and key; the desk's own are created or renewed."""
    if server.certificate is not None and server.key is not None:
        return server.certificate, server.key
    return own_certificate(server.state_dir / "tls")


class Reloader:
    """Reloads settings and certificate when requested."""

    def __init__(
        self,
        settings: Settings,
        *,
        load: Callable[[], Settings],
        apply: Callable[[Settings], None],
        tls: TlsCertificate | None,
        notifier: SystemdNotifier,
        clock: Clock,
    ) -> None:
        """`load` reads the settings and raises `BadSetting`; `apply` gets the new settings."""
        self._settings = settings
        self._load = load
        self._apply = apply
        self._tls = tls
        self._notifier = notifier
        self._clock = clock
        self._checked = clock()
        self._requested = False
        self._due = asyncio.Event()

    def request(self) -> None:
        """Request a reload of the settings and the certificate."""
        self._requested = True
        self._due.set()

    def on_connection(self) -> None:
        """Reload the certificate if its last check was a day ago, or before the clock was set."""
        if self._tls is not None:
            now = self._clock()
            passed = now.boot - self._checked.boot
            step = abs(now.wall - self._checked.wall - passed)
            if passed >= CERTIFICATE_CHECK_INTERVAL or step >= CLOCK_STEP:
                self._due.set()

    async def run(self) -> None:
        """Reload whenever it is due, until cancelled."""
        while True:
            await self._due.wait()
            self._due.clear()
            self._checked = self._clock()
            requested, self._requested = self._requested, False
            if requested:
                self._notifier.reloading()
                await self._reload_settings()
            if self._tls is not None:
                await asyncio.to_thread(self._tls.reload, self._settings.server)
            if requested:
                self._notifier.ready()

    async def _reload_settings(self) -> None:
        try:
            found = await asyncio.to_thread(self._load)
        except BadSetting as problem:
            log.warning("the settings are unchanged: %s", problem.message)
            return
        changed = list(changed_keys(self._settings, found))
        applied = [key for key in changed if key in RELOADABLE]
        pending = [key for key in changed if key not in RELOADABLE]
        self._settings = merge_reloadable(self._settings, found)
        self._apply(self._settings)
        log.info("reloaded  changed=%s", ",".join(applied) or "nothing")
        if pending:
            log.warning("a restart is required for %s", ", ".join(pending))


def changed_keys(before: Settings, after: Settings) -> Iterator[str]:
    """Yield each setting that differs, as `section.key`."""
    for name, section in asdict(before).items():
        for key, value in asdict(section).items():
            if value != getattr(getattr(after, name), key):
                yield f"{name}.{key}"


def merge_reloadable(before: Settings, after: Settings) -> Settings:
    """Return `before` with the `RELOADABLE` settings of `after`."""
    sections = {}
    for name, section in asdict(before).items():
        reloadable = [key for key in asdict(section) if f"{name}.{key}" in RELOADABLE]
        reloaded = {key: getattr(getattr(after, name), key) for key in reloadable}
        sections[name] = replace(section, **reloaded)
    return Settings(**sections)
