"""The least work of a log-in: aiohttp, a password hashed, a row on disk, a frame on a socket.

python -m bench.peers.entrance PORT STATE HASH

The daemon's five steps by the usual means of the same libraries, in the same threads: the password
is verified with the daemon's parameters in one that yields to others, the row is on disk in a
write-ahead log before it is answered. Nothing else is done: no token is verified, nothing is
throttled, followed, logged or closed within a bound.
"""

import asyncio
import os
import secrets
import sqlite3
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import argon2
from aiohttp import web

PORT, STATE, HASH = int(sys.argv[1]), sys.argv[2], sys.argv[3]
STATS = '{"event":"stats","args":["{}"]}'

hasher = argon2.PasswordHasher()


def become_modest() -> None:
    """Yield to the other threads, so that a measurement can tell hashing from the rest."""
    thread = threading.get_native_id()
    os.setpriority(os.PRIO_PROCESS, thread, 5)


passwords = ThreadPoolExecutor(1, initializer=become_modest)
disk = ThreadPoolExecutor(1)
state = sqlite3.connect(STATE, isolation_level=None, check_same_thread=False)
state.execute("PRAGMA journal_mode = WAL")
state.execute("PRAGMA synchronous = FULL")
state.execute("CREATE TABLE logins (id TEXT PRIMARY KEY)")


async def log_in(request: web.Request) -> web.Response:
    """Verify the password and write a login down."""
    given, loop = await request.json(), asyncio.get_running_loop()
    await loop.run_in_executor(passwords, hasher.verify, HASH, given["password"])
    login = secrets.token_hex(8)
    await loop.run_in_executor(disk, state.execute, "INSERT INTO logins VALUES (?)", (login,))
    return web.json_response({"object": "login_token", "data": {"token": login}})


async def websocket(request: web.Request) -> web.Response:
    """Say where the socket is."""
    where = f"ws://{request.host}/v1/monitor/desk/ws"
    found = {"token": secrets.token_hex(8), "socket": where}
    return web.json_response({"object": "websocket_token", "data": found})


async def monitor(request: web.Request) -> web.WebSocketResponse:
    """Answer the first message with a frame."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    await socket.receive_str()
    await socket.send_str(STATS)
    await socket.receive()
    return socket


app = web.Application()
app.router.add_post("/v1/login", log_in)
app.router.add_get("/v1/websocket", websocket)
app.router.add_get("/v1/monitor/{desk}/ws", monitor)
web.run_app(app, host="127.0.0.1", port=PORT, print=None, access_log=None)
