"""The daemon from its start to its end.

state ─▶ first user ─▶ wiring ─▶ doors open, "ready" ─▶ a signal ─▶ 1001 to all ─▶ gone within 3 s
"""

import asyncio
import logging
import signal
import ssl
from collections.abc import Callable, Mapping

from deskwire import __version__
from deskwire.auth.logins import Logins
from deskwire.auth.passwords import Passwords, generate_password
from deskwire.auth.state import State
from deskwire.auth.users import Users
from deskwire.daemon import places
from deskwire.daemon.settings import Settings
from deskwire.daemon.wiring import wire
from deskwire.devices.buses import Buses
from deskwire.model.access import ALL_SCOPES
from deskwire.model.problems import Unavailable
from deskwire.server.app import open_doors
from deskwire.server.certificates import (
    fingerprint,
    outward_address,
    own_certificate,
    server_context,
)
from deskwire.server.pages import Pages, read_pages

FIRST_USER = "owner"
KEY_BYTES = 32

Say = Callable[[str], None]
"""Tells the person at the terminal a line."""

log = logging.getLogger("deskwire")


class PortTaken(Unavailable):
    """The address or port cannot be had."""

    code = "port_taken"


def run(settings: Settings, environ: Mapping[str, str], say: Say) -> None:
    """Serve until a signal says stop.

    Raises `StateUnavailable` when the state directory or the certificate cannot be used, and
    `PortTaken`.
    """
    state = State.open(settings.server.state_dir)
    try:
        key, desk = state.secret("signing", KEY_BYTES), state.desk_id()
        context = _context(settings, say)
        asyncio.run(
            _live(
                settings,
                environ,
                state,
                say,
                key=key,
                desk_id=desk,
                context=context,
                pages=read_pages(),
            )
        )
    finally:
        state.close()


async def _live(
    settings: Settings,
    environ: Mapping[str, str],
    state: State,
    say: Say,
    *,
    key: bytes,
    desk_id: str,
    context: ssl.SSLContext | None,
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
        cache=places.cache_dir(environ),
        pages=pages,
    )
    host, port = settings.server.host, settings.server.port
    try:
        doors = await open_doors(desk.doors, host=host, port=port, context=context)
    except OSError as problem:
        why = problem.strerror or str(problem)
        raise PortTaken(f"{host} port {port}: {why}; --port picks another") from None
    stop = _stop_signal()
    async with asyncio.TaskGroup() as tasks:
        lasting = [
            tasks.create_task(desk.supervisor.run(), name="supervisor"),
            tasks.create_task(logins.follow(), name="logins"),
        ]
        if await users.count() == 0:
            await _first_user(users, say)
        say(f"deskwire is ready at {_address(settings, doors.port)}")
        log.info("started  version=%s host=%s port=%d", __version__, host, doors.port)
        await stop.wait()
        doors.shut()
        await desk.sockets.end_all()
        for task in lasting:
            task.cancel()
    await doors.leave()
    log.info("stopped")


async def _first_user(users: Users, say: Say) -> None:
    password = generate_password()
    await users.add(FIRST_USER, password, ALL_SCOPES)
    say(f"first start: the user is {FIRST_USER}, the password: {password}")
    say("  it is shown this once; `deskwire users passwd owner` sets another")


def _context(settings: Settings, say: Say) -> ssl.SSLContext | None:
    server = settings.server
    if not server.tls:
        return None
    if server.certificate is not None and server.key is not None:
        certificate, key = server.certificate, server.key
    else:
        certificate, key = own_certificate(server.state_dir / "tls")
    context = server_context(certificate, key)
    say(f"certificate SHA-256 {fingerprint(certificate)}")
    return context


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


def _address(settings: Settings, port: int) -> str:
    """Where a person points a screen; for every address of this machine, the one others see."""
    server = settings.server
    if server.public_url:
        return server.public_url
    host = server.host
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        host = outward_address() or "127.0.0.1"
    if ":" in host:
        host = f"[{host}]"
    return f"{'https' if server.tls else 'http'}://{host}:{port}"
