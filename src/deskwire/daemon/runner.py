"""Life of the daemon, from its start to its end.

state directory ─▶ wiring ─▶ listen ─▶ first user ─▶ "ready" ─▶ signal ─▶ close 1001 ─▶ end in 3 s

SIGHUP is handled by `Reloader`. systemd, if it has started the daemon, is notified of each step.
"""

import asyncio
import gc
import logging
import signal
from collections.abc import Callable, Mapping
from functools import partial

from deskwire import __version__
from deskwire.auth.passwords import Passwords, generate_password
from deskwire.auth.state_directory import StateDirectory
from deskwire.auth.users import Users
from deskwire.daemon import paths
from deskwire.daemon.config.settings import Settings
from deskwire.daemon.control_socket import serve_control_socket
from deskwire.daemon.port import PortTaken, describe_failure, inherited_socket, server_url
from deskwire.daemon.probe import desk_buses
from deskwire.daemon.reload import Reloader, TlsCertificate
from deskwire.daemon.systemd import SystemdNotifier
from deskwire.daemon.wiring import Desk, wire
from deskwire.model.access import ALL_SCOPES
from deskwire.model.instant import read_clock
from deskwire.model.problems import StateUnavailable
from deskwire.server.http.content import read_pages
from deskwire.server.http.server import RunningServer, start_server
from deskwire.server.wiring import open_accounts

FIRST_USER = "owner"

Print = Callable[[str], None]
"""Prints a line for the user who starts the daemon."""

log = logging.getLogger("deskwire")


def run(
    settings: Settings, environ: Mapping[str, str], print_line: Print, load: Callable[[], Settings]
) -> None:
    """Serve until SIGINT or SIGTERM; `load` reads the settings again.

    Raises `StateUnavailable` if another daemon uses the state directory, or if it or the
    certificate cannot be used, and `PortTaken`.
    """
    state = StateDirectory.open(settings.server.state_dir)
    try:
        state.lock()
        asyncio.run(_serve(settings, environ, state, print_line, load))
    finally:
        state.close()


async def _serve(
    settings: Settings,
    environ: Mapping[str, str],
    state: StateDirectory,
    print_line: Print,
    load: Callable[[], Settings],
) -> None:
    in_thread, say = asyncio.to_thread, partial(print_or_log, print_line)
    tls = await in_thread(TlsCertificate, settings.server) if settings.server.tls else None
    if tls is not None:
        say(f"certificate SHA-256 {tls.fingerprint}")
    accounts = await open_accounts(state, Passwords(), settings.session.login_lifetime)
    desk = wire(
        settings,
        accounts,
        buses=desk_buses(environ),
        sound=partial(paths.sound, environ),
        cache=paths.cache_dir(environ),
        pages=await in_thread(read_pages),
    )
    notifier = SystemdNotifier(environ)
    reloader = Reloader(
        settings, load=load, apply=desk.reconfigure, tls=tls, notifier=notifier, clock=read_clock
    )
    server = await _listen(settings, environ, desk, tls, reloader)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reloader.request)
    if await accounts.users.count() == 0:
        await _add_first_user(accounts.users, print_line)
    async with (
        serve_control_socket(state.folder, desk.server.endpoint.clients, accounts.logins.refresh),
        asyncio.TaskGroup() as tasks,
    ):
        background = [
            tasks.create_task(reloader.run(), name="reload"),
            tasks.create_task(notifier.keep_alive(), name="watchdog"),
        ]
        if settings.server.public_url:
            say(f"public URL {settings.server.public_url}")
        say(f"deskwire is ready at {server_url(settings.server, server.host, server.port)}")
        log.info("started  version=%s host=%s port=%d", __version__, server.host, server.port)
        notifier.ready()
        freeze_heap()
        await stop.wait()
        notifier.stopping()
        server.close()
        await desk.server.registry.close_all()
        await desk.supervisor.close()
        for task in background:
            task.cancel()
    await server.wait_closed()
    desk.server.flush_logs()
    log.info("stopped")


def print_or_log(print_line: Print, line: str) -> None:
    """Print a line; the daemon lives on if standard output is closed or full."""
    try:
        print_line(line)
    except OSError as problem:
        log.warning("standard output cannot be written: %s", problem.strerror)


async def _listen(
    settings: Settings,
    environ: Mapping[str, str],
    desk: Desk,
    tls: TlsCertificate | None,
    reloader: Reloader,
) -> RunningServer:
    host, port = settings.server.host, settings.server.port
    try:
        return await start_server(
            desk.server.app.answer,
            host=host,
            port=port,
            context=tls.context if tls is not None else None,
            listening=inherited_socket(settings.server, environ),
            on_connection=reloader.on_connection,
            max_sockets=lambda: desk.server.registry.limits.total,
            is_known=desk.is_known_address,
        )
    except OSError as problem:
        raise PortTaken(describe_failure(host, port, problem)) from None


def freeze_heap() -> None:
    """Exclude the objects of the start from garbage collection.

    Modules, classes and the wiring are most of the heap. Without this, every few hundred logins
    the collector stops the event loop for 30 ms, with it for 1 ms (docs.python.org, gc.freeze).
    """
    gc.collect()
    gc.freeze()


async def _add_first_user(users: Users, print_line: Print) -> None:
    """Print the password, then add the user: an unseen password is of no use."""
    password = generate_password()
    try:
        print_line(f"first start: the user is {FIRST_USER}, the password: {password}")
    except OSError as problem:
        raise StateUnavailable(
            f"the first password cannot be printed, so no user was added: {problem.strerror}"
        ) from None
    await users.add(FIRST_USER, password, ALL_SCOPES)
    print_line("  it is not shown again; run `deskwire users passwd owner` to set another password")
