"""Asking over HTTP, and what may be read in an answer without trusting it."""

import asyncio
import json
import os
from collections.abc import Mapping
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

import aiohttp

from deskwire.conformance.trust import Trust
from deskwire.conformance.verdicts import Broken, expect, short

PATIENCE = 10.0
"""Seconds for any one answer."""


CONNECTION_FAILED = (aiohttp.ClientError, OSError, asyncio.IncompleteReadError)
"""What is raised where a connection cannot be made, or ends too early."""


class NobodyThere(Exception):
    """Nothing answers, so there is nothing to judge."""


class NotBelieved(Exception):
    """Something answers, and its certificate is not the server's that is meant."""


class Answer(NamedTuple):
    """One HTTP answer, read whole."""

    status: int
    headers: Mapping[str, str]
    """Case does not count in the names."""
    body: bytes

    @property
    def json(self) -> Any:
        """The body; raises `Broken` if it is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise Broken(f"{self.status} with a body that is no JSON: {short(self.body)}") from None

    def field(self, *path: str) -> Any:
        """A value inside the JSON; raises `Broken` if it is not there."""
        found = self.json
        for step in path:
            if not isinstance(found, dict) or step not in found:
                raise Broken(f"{self.status} without {'.'.join(path)}: {short(self.body)}")
            found = found[step]
        return found

    def error(self, *statuses: int) -> str:
        """Return the code of an error with one of these statuses, its shape checked."""
        wanted = " or ".join(map(str, statuses))
        expect(self.status in statuses, f"{self.status} instead of {wanted}: {short(self.body)}")
        code, message = self.field("data", "code"), self.field("data", "message")
        expect(self.field("object") == "error", f"no error object: {short(self.body)}")
        expect(isinstance(code, str) and code, f"no code: {short(self.body)}")
        expect(isinstance(message, str), f"no message: {short(self.body)}")
        return str(code)


class Http:
    """One server, over HTTP; each request on a connection of its own."""

    def __init__(self, url: str, trust: Trust) -> None:
        self.url = url.rstrip("/")
        parts = urlsplit(self.url)
        self.secure = parts.scheme == "https"
        self.netloc = parts.netloc
        self._trust = trust
        self._session: aiohttp.ClientSession | None = None

    async def ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        data: bytes | None = None,
    ) -> Answer:
        """Send one request; raises aiohttp's errors and `TimeoutError`."""
        assert self._session is not None
        async with self._session.request(
            method, self.url + path, headers=headers, json=json, data=data, allow_redirects=False
        ) as response:
            return Answer(response.status, response.headers, await response.read())

    async def log_in(self, name: str, password: str) -> Answer:
        """Send a log-in, right or wrong."""
        credentials = {"username": name, "password": password}
        return await self.ask("POST", "/v1/login", json=credentials)

    async def knock(self) -> None:
        """Raise `NobodyThere` or `NotBelieved`, unless there is a server to be judged.

        However it answers, as long as it does: that is for the clauses.
        """
        try:
            answer = await self.ask("GET", "/healthz")
        except aiohttp.ServerFingerprintMismatch as problem:
            seen = problem.got.hex(":").upper()
            raise NotBelieved(f"it is another certificate, SHA-256 {seen}") from None
        except aiohttp.ClientConnectorCertificateError:
            raise NotBelieved("nobody vouches for the certificate") from None
        except aiohttp.ClientSSLError:
            raise NobodyThere("what answers does not speak TLS") from None
        except TimeoutError:
            raise NobodyThere(f"no answer within {PATIENCE:g} s") from None
        except aiohttp.ClientConnectorError as problem:
            number = problem.errno or 0  # a name that is not found has a negative one
            why = os.strerror(number) if number > 0 else problem.strerror
            raise NobodyThere(why or "no connection") from None
        except (aiohttp.ClientResponseError, aiohttp.ClientPayloadError):
            return  # an answer, however wrong
        except CONNECTION_FAILED:
            raise NobodyThere("the connection was lost before there was an answer") from None
        if not self.secure and answer.status == 400 and b"https" in answer.body.lower():
            raise NobodyThere("what answers speaks TLS: https:// is meant")

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._trust.for_requests, force_close=True),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=PATIENCE),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._session is not None
        await self._session.close()


def bearer(token: str) -> dict[str, str]:
    """Return the header that carries a token."""
    return {"Authorization": f"Bearer {token}"}
