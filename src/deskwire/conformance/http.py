"""HTTP requests, and checks of untrusted responses."""

import asyncio
import hashlib
import hmac
import json
import os
import re
import ssl
from collections.abc import Mapping
from functools import cached_property
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

import aiohttp

from deskwire.conformance.outcome import Broken, expect, short


class Trust:
    """Policy for the server's certificate."""

    def __init__(self, *, fingerprint: bytes | None = None, insecure: bool = False) -> None:
        """With a fingerprint (SHA-256 of the certificate) only that certificate is accepted."""
        self._fingerprint = fingerprint
        self._any = insecure or fingerprint is not None
        self.for_requests: bool | aiohttp.Fingerprint = not insecure
        if fingerprint is not None:
            self.for_requests = aiohttp.Fingerprint(fingerprint)

    @cached_property
    def for_sockets(self) -> ssl.SSLContext:
        """TLS context for raw connections; call `check` after the handshake."""
        if not self._any:
            return ssl.create_default_context()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context

    def check(self, connection: ssl.SSLObject) -> None:
        """Raise `Broken` unless the certificate is the pinned one."""
        if self._fingerprint is None:
            return
        shown = hashlib.sha256(connection.getpeercert(binary_form=True) or b"").digest()
        if not hmac.compare_digest(shown, self._fingerprint):
            raise Broken(f"another certificate: SHA-256 {shown.hex(':').upper()}")


def parse_fingerprint(text: str) -> bytes:
    """Parse a SHA-256 with or without colons; raises `ValueError`."""
    digits = text.replace(":", "")
    if not re.fullmatch(r"[0-9A-Fa-f]{64}", digits):
        raise ValueError(f"expected the 64 hexadecimal digits of a SHA-256, found {text!r}")
    return bytes.fromhex(digits)


PATIENCE = 10.0
"""Timeout of one request, in seconds."""


CONNECTION_FAILED = (aiohttp.ClientError, OSError, asyncio.IncompleteReadError)
"""Exceptions of a connection that cannot be made or ends too early."""


class ServerUnreachable(Exception):
    """No server answers."""


class CertificateNotTrusted(Exception):
    """A server answers with a certificate that is not trusted."""


class Answer(NamedTuple):
    """One HTTP response with its whole body."""

    status: int
    headers: Mapping[str, str]
    """Header fields; names are case-insensitive."""
    body: bytes

    @property
    def json(self) -> Any:
        """Body as JSON; raises `Broken` if it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise Broken(f"{self.status} with a body that is no JSON: {short(self.body)}") from None

    def field(self, *path: str) -> Any:
        """Return a value inside the JSON; raises `Broken` if it is missing."""
        found = self.json
        for step in path:
            if not isinstance(found, dict) or step not in found:
                raise Broken(f"{self.status} without {'.'.join(path)}: {short(self.body)}")
            found = found[step]
        return found

    def error(self, *statuses: int) -> str:
        """Check the shape of an error with one of these statuses; return its code."""
        wanted = " or ".join(map(str, statuses))
        expect(self.status in statuses, f"{self.status} instead of {wanted}: {short(self.body)}")
        code, message = self.field("data", "code"), self.field("data", "message")
        expect(self.field("object") == "error", f"no error object: {short(self.body)}")
        expect(isinstance(code, str) and code, f"no code: {short(self.body)}")
        expect(isinstance(message, str), f"no message: {short(self.body)}")
        return str(code)


class Http:
    """HTTP client for one server; each request uses a new connection."""

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
        """Send a login request."""
        credentials = {"username": name, "password": password}
        return await self.ask("POST", "/v1/login", json=credentials)

    async def probe(self) -> None:
        """Raise `ServerUnreachable` or `CertificateNotTrusted`, unless a server answers.

        Any HTTP response will do; the clauses check its content.
        """
        try:
            answer = await self.ask("GET", "/healthz")
        except aiohttp.ServerFingerprintMismatch as problem:
            seen = problem.got.hex(":").upper()
            raise CertificateNotTrusted(
                f"the server shows another certificate, SHA-256 {seen}"
            ) from None
        except aiohttp.ClientConnectorCertificateError:
            raise CertificateNotTrusted(
                "no authority that this machine trusts signed the certificate"
            ) from None
        except aiohttp.ClientSSLError:
            raise ServerUnreachable("the server at this address does not use TLS") from None
        except TimeoutError:
            raise ServerUnreachable(f"no answer within {PATIENCE:g} s") from None
        except aiohttp.ClientConnectorError as problem:
            number = problem.errno or 0  # a name that is not found has a negative one
            why = os.strerror(number) if number > 0 else problem.strerror
            raise ServerUnreachable(why or "no connection") from None
        except (aiohttp.ClientResponseError, aiohttp.ClientPayloadError):
            return  # an answer, however wrong
        except CONNECTION_FAILED:
            raise ServerUnreachable("the connection was lost before there was an answer") from None
        if not self.secure and answer.status == 400 and b"https" in answer.body.lower():
            raise ServerUnreachable("the server at this address uses TLS: write https://")

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
