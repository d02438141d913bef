"""The daemon from its start to its end.

state ─▶ first user ─▶ wiring ─▶ doors open, "ready" ─▶ a signal ─▶ 1001 to all ─▶ gone within 3 s

SIGHUP in between is `reload`'s. Where systemd started us it is told of each step.
"""

import asyncio
import gc
import logging
import signal
from collections.abc import Callable, Mapping

from deskwire import __version__
from deskwire.auth.logins import Logins
from deskwire.auth.passwords import Passwords, generate_password
from deskwire.auth.state_directory import StateDirectory
from deskwire.auth.users import Users
from deskwire.daemon import paths as places
from deskwire.daemon.config.settings import Settings
from deskwire.daemon.control_socket import told
from deskwire.daemon.port import PortTaken, address, inherited, why_taken
from deskwire.daemon.reload import SettingsReloader
from deskwire.daemon.systemd import SystemdNotifier
from deskwire.daemon.tls import TlsCertificate
from deskwire.daemon.wiring import wire
from deskwire.devices.dbus.buses import Buses
from deskwire.devices.sound.address import SoundServers
from deskwire.model.access import ALL_SCOPES
from deskwire.model.instant import read_clock
from deskwire.server.http.content import Pages, read_pages
from deskwire.server.http.server import start_server

FIRST_USER = "owner"
KEY_BYTES = 32

Say = Callable[[str], None]
"""Tells the person at the terminal a line."""

log = logging.getLogger("deskwire")


def run(
    settings: Settings, environ: Mapping[str, str], say: Say, reread: Callable[[], Settings]
) -> None:
    """Serve until a signal says stop; `reread` reads the settings anew.

    Raises `StateUnavailable` when the state directory or the certificate cannot be used, and
    `PortTaken`.
    """
    state = StateDirectory.open(settings.server.state_dir)
    try:
        key, desk = state.secret("signing", KEY_BYTES), state.desk_id()
        tls = TlsCertificate(settings.server) if settings.server.tls else None
        if tls is not None:
            say(f"certificate SHA-256 {tls.fingerprint}")
        asyncio.run(
            _live(
                settings,
                environ,
                state,
                say,
                reread,
                key=key,
                desk_id=desk,
                tls=tls,
                sound=places.sound(environ),
                pages=read_pages(),
            )
        )
    finally:
        state.close()


async def _live(
    settings: Settings,
    environ: Mapping[str, str],
    state: StateDirectory,
    say: Say,
    reread: Callable[[], Settings],
    *,
    key: bytes,
    desk_id: str,
    tls: TlsCertificate | None,
    sound: SoundServers,
    pages: Pages,
) -> None:
    users = Users(state, Passwords())
    logins = Logins(state, settings.session.login_lifetime)
    await logins.load()
    desk = wire(
        settings,
        users=users,
        logins=logins,
        key=key,
        desk=desk_id,
        boot_id=state.boot_id,
        buses=Buses(session=places.session_bus(environ), system=places.system_bus(environ)),
        sound=sound,
        cache=places.cache_dir(environ),
        pages=pages,
    )
    notify = SystemdNotifier(environ)
    reload = SettingsReloader(
        settings, reread=reread, adopt=desk.reconfigure, tls=tls, notify=notify, clock=read_clock
    )
    host, port = settings.server.host, settings.server.port
    try:
        server = await start_server(
            desk.app.answer,
            host=host,
            port=port,
            context=tls.context if tls is not None else None,
            listening=inherited(settings.server, environ),
            on_connection=reload.visitor,
            max_sockets=lambda: desk.registry.limits.total,
        )
    except OSError as problem:
        raise PortTaken(why_taken(host, port, problem)) from None
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload.ask)
    async with told(state.folder, desk.endpoint.watching), asyncio.TaskGroup() as tasks:
        lasting = [
            tasks.create_task(logins.follow(), name="logins"),
            tasks.create_task(reload.run(), name="reload"),
            tasks.create_task(notify.keep_alive(), name="watchdog"),
        ]
        if await users.count() == 0:
            await _first_user(users, say)
        if settings.server.public_url:
            say(f"others reach it at {settings.server.public_url}")
        say(f"deskwire is ready at {address(settings.server, server.host, server.port)}")
        log.info("started  version=%s host=%s port=%d", __version__, server.host, server.port)
        notify.ready()
        freeze_heap()
        await stop.wait()
        notify.stopping()
        server.close()
        await desk.registry.close_all()
        await desk.supervisor.close()
        for task in lasting:
            task.cancel()
    await server.wait_closed()
    desk.flush_logs()
    log.info("stopped")


def freeze_heap() -> None:
    """Spare the garbage collector what is there for good.

    Modules, classes and the wiring are most of what it would walk through, and it halts the loop
    for it: each few hundred log-ins 30 ms, and then 1 (docs.python.org, gc.freeze).
    """
    gc.collect()
    gc.freeze()


async def _first_user(users: Users, say: Say) -> None:
    password = generate_password()
    await users.add(FIRST_USER, password, ALL_SCOPES)
    say(f"first start: the user is {FIRST_USER}, the password: {password}")
    say("  it is shown this once; `deskwire users passwd owner` sets another")
