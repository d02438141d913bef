"""A whole client of a desk in one file, from the contract alone: it needs aiohttp and nothing else.

    DESK_PASSWORD=… python client.py https://192.168.1.20:8765 owner 6E:0C:…

prints what plays each time the desk says so. The last word is the fingerprint of the desk's
certificate; `-` where the system trusts it anyway. Two words more are a tap: `next player1`.
"""

import asyncio
import json
import os
import sys
from typing import Any

import aiohttp

AGAIN_AFTER = 5.0
"""Seconds after a connection was lost."""
TOO_SOON = 5.0
"""A login that is over again so soon is not made anew at once."""


class Refused(Exception):
    """The desk does not let us in."""


class Client:
    """One person's client of one desk."""

    def __init__(
        self, http: aiohttp.ClientSession, url: str, user: str, password: str, *tap: str
    ) -> None:
        self.http = http
        self.url = url.rstrip("/")
        self.credentials = {"username": user, "password": password}
        self.tap = tap

    async def run(self) -> None:
        """Stay connected, whatever happens, until the desk says that it was meant."""
        login: str | None = None
        ticket: dict[str, str] | None = None
        while True:
            began = asyncio.get_running_loop().time()
            try:
                login = login or await self.log_in()
                ticket = ticket or await self.fetch_ticket(login)
                code = await self.watch(**ticket)
            except Refused:
                if login is None:  # the password itself: only a person can mend that
                    raise
                code = 4001
            except aiohttp.ClientError as problem:
                print(f"{type(problem).__name__}: {problem}", file=sys.stderr)
                code = 1006
            lasted = asyncio.get_running_loop().time() - began
            print(f"closed {code} after {lasted:.0f} s", file=sys.stderr)
            if code in {1000, 1001}:  # it was meant: the contract asks for nothing
                return
            if code == 4001:  # this login is over: log in again
                login = ticket = None
            elif code == 4004:  # the token's time is over: fetch another
                ticket = None
            if code not in {4001, 4004} or lasted < TOO_SOON:
                await asyncio.sleep(AGAIN_AFTER)  # 1006, or what no table names: the same token

    async def log_in(self) -> str:
        """Exchange the password for a login token."""
        return str((await self.ask("POST", "/v1/login", json=self.credentials))["token"])

    async def fetch_ticket(self, login: str) -> dict[str, str]:
        """Exchange the login token for a websocket token and its address."""
        bears = {"Authorization": f"Bearer {login}"}
        data = await self.ask("GET", "/v1/websocket", headers=bears)
        return {"token": data["token"], "address": data["socket"]}

    async def ask(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        """Return the `data` of an answer; a refusal is raised in the desk's own words."""
        async with self.http.request(method, self.url + path, **more) as answer:
            body = await answer.json()
            if answer.status == 429:  # too many tries: the desk says how long to wait
                await asyncio.sleep(float(answer.headers["Retry-After"]))
                return await self.ask(method, path, **more)
            if body["object"] == "error":
                raise Refused(body["data"]["message"])
            return dict(body["data"])

    async def watch(self, token: str, address: str) -> int:
        """Follow one socket to its end; return the close code, 1006 where there was none."""
        async with self.http.ws_connect(address) as socket:
            await socket.send_json({"event": "auth", "args": [token]})
            if self.tap:  # done is what the next `stats` shows; nothing else answers
                action, player = self.tap
                await socket.send_json({"event": f"audio-{action}", "args": [player]})
                self.tap = ()
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self.hear(message.data)
            return socket.close_code or 1006

    def hear(self, text: str) -> None:
        """Take one message; what cannot be read is passed over, for a newer desk may say more."""
        try:
            said = json.loads(text)
            event, argument = said["event"].strip(), said["args"][0]
            if event == "stats":
                self.show(json.loads(argument))
            elif event in {"session expiring", "error"}:
                print(argument, file=sys.stderr)
        except (ValueError, LookupError, TypeError, AttributeError):
            return

    def show(self, stats: dict[str, Any]) -> None:
        """Print what matters to us; a key that is not there is hardware that is not there."""
        playing = [f"{each['title']} on {each['id']}" for each in stats["audio"] if each["playing"]]
        volume = f"volume {stats['volume']} %, " if "volume" in stats else ""
        print(f"{volume}playing: {', '.join(playing) or 'nothing'}", flush=True)


async def main(url: str, user: str, fingerprint: str = "-", *tap: str) -> None:
    """Watch a desk; with a tap, send that first."""
    trust: bool | aiohttp.Fingerprint = True
    if fingerprint != "-":
        trust = aiohttp.Fingerprint(bytes.fromhex(fingerprint.replace(":", "")))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust)) as http:
        await Client(http, url, user, os.environ["DESK_PASSWORD"], *tap).run()


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
    except Refused as why:
        sys.exit(f"the desk does not let us in: {why}")
