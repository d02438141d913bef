"""Complete client of a desk in one file; it needs only aiohttp and the protocol page.

    DESK_PASSWORD=… python client.py https://192.168.1.20:8765 owner 6E:0C:…

prints the playing tracks for each `stats`. The last argument is the fingerprint of the desk's
certificate, or `-` if the system trusts it. Two more arguments are a command: `next player1`.
"""

import asyncio
import json
import os
import sys
from typing import Any

import aiohttp

RETRY_DELAY = 5.0
"""Seconds to wait after a lost connection."""
TOO_SOON = 5.0
"""Seconds that a connection must have lasted for an immediate new login or token."""


class Refused(Exception):
    """The desk refused the request."""


class Client:
    """Client of one desk for one user."""

    def __init__(
        self, http: aiohttp.ClientSession, url: str, user: str, password: str, *command: str
    ) -> None:
        self.http = http
        self.url = url.rstrip("/")
        self.credentials = {"username": user, "password": password}
        self.command = command

    async def run(self) -> None:
        """Stay connected until the desk closes with 1000 or 1001."""
        login: str | None = None
        access: dict[str, str] | None = None
        while True:
            began = asyncio.get_running_loop().time()
            try:
                login = login or await self.log_in()
                access = access or await self.request_access(login)
                code = await self.watch(**access)
            except Refused:
                if login is None:  # the password is wrong: only the user can correct it
                    raise
                code = 4001
            except aiohttp.ClientError as problem:
                print(f"{type(problem).__name__}: {problem}", file=sys.stderr)
                code = 1006
            lasted = asyncio.get_running_loop().time() - began
            print(f"closed {code} after {lasted:.0f} s", file=sys.stderr)
            if code in {1000, 1001}:  # normal end: the protocol requires no action
                return
            if code == 4001:  # the login has ended: log in again
                login = access = None
            elif code == 4004:  # the token has expired: request another
                access = None
            if code not in {4001, 4004} or lasted < TOO_SOON:
                await asyncio.sleep(RETRY_DELAY)  # 1006 or an unknown code: the same token

    async def log_in(self) -> str:
        """Exchange the password for a login token."""
        return str((await self.ask("POST", "/v1/login", json=self.credentials))["token"])

    async def request_access(self, login: str) -> dict[str, str]:
        """Exchange the login token for a websocket token and the URL of the socket."""
        headers = {"Authorization": f"Bearer {login}"}
        data = await self.ask("GET", "/v1/websocket", headers=headers)
        return {"token": data["token"], "address": data["socket"]}

    async def ask(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        """Return the `data` of a response; raise `Refused` with the message of an error."""
        async with self.http.request(method, self.url + path, **more) as answer:
            body = await answer.json()
            if answer.status == 429:  # throttled: the header has the wait in seconds
                await asyncio.sleep(float(answer.headers["Retry-After"]))
                return await self.ask(method, path, **more)
            if body["object"] == "error":
                raise Refused(body["data"]["message"])
            return dict(body["data"])

    async def watch(self, token: str, address: str) -> int:
        """Read one socket to its end; return the close code, or 1006 without one."""
        async with self.http.ws_connect(address) as socket:
            await socket.send_json({"event": "auth", "args": [token]})
            if self.command:  # the next `stats` shows the effect; there is no other answer
                action, player = self.command
                await socket.send_json({"event": f"audio-{action}", "args": [player]})
                self.command = ()
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self.handle(message.data)
            return socket.close_code or 1006

    def handle(self, text: str) -> None:
        """Handle one message; ignore unknown ones, because a newer desk may send more."""
        try:
            message = json.loads(text)
            event, argument = message["event"].strip(), message["args"][0]
            if event == "stats":
                self.show(json.loads(argument))
            elif event in {"session expiring", "error"}:
                print(argument, file=sys.stderr)
        except (ValueError, LookupError, TypeError, AttributeError):
            return

    def show(self, stats: dict[str, Any]) -> None:
        """Print the volume and the playing tracks; an absent key is missing hardware."""
        playing = [f"{each['title']} on {each['id']}" for each in stats["audio"] if each["playing"]]
        volume = f"volume {stats['volume']} %, " if "volume" in stats else ""
        print(f"{volume}playing: {', '.join(playing) or 'nothing'}", flush=True)


async def main(url: str, user: str, fingerprint: str = "-", *command: str) -> None:
    """Watch a desk; send the command first, if there is one."""
    trust: bool | aiohttp.Fingerprint = True
    if fingerprint != "-":
        trust = aiohttp.Fingerprint(bytes.fromhex(fingerprint.replace(":", "")))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust)) as http:
        await Client(http, url, user, os.environ["DESK_PASSWORD"], *command).run()


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
    except Refused as error:
        sys.exit(f"the desk refused the login: {error}")
