"""Album art: authorization, headers, caching, and paths that must not be served."""

import base64
from collections.abc import Mapping
from typing import Any

from deskwire.conformance import stats_keys as keys
from deskwire.conformance.check_context import CheckContext
from deskwire.conformance.clause import Clause, Topic
from deskwire.conformance.http import Answer, bearer
from deskwire.conformance.outcome import Broken, NotChecked, expect, short

PATH = "/v1/img/tmp/"
MAGIC_BYTES: Mapping[str, tuple[bytes, ...]] = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/webp": (b"RIFF",),
    "image/avif": (b"\0\0\0",),
}
PRIVATE_PATHS = (
    "/etc/passwd",
    "/etc/hostname",
    "/proc/self/environ",
    "/proc/self/exe",
    "/dev/zero",
    "/tmp",  # noqa: S108 - asked for, never used
    "/tmp/../etc/passwd",  # noqa: S108 - the same
    "//etc/passwd",
    "file:///etc/passwd",
    "../../../etc/passwd",
    "/etc/passwd\0.png",
)


async def served(context: CheckContext) -> str:
    """A picture that a player names is served to a login token, with its type."""
    answer = await _get(context, await _url(context), await context.login())
    expect(answer.status == 200, f"{answer.status} {short(answer.body)}")
    kind = answer.headers.get("Content-Type", "")
    begins = MAGIC_BYTES.get(kind)
    expect(begins is not None, f"Content-Type {short(kind)}")
    expect(begins and answer.body.startswith(begins), f"no {kind}: {short(answer.body[:12])}")
    return f"200, {kind}, {len(answer.body)} bytes"


async def to_the_socket(context: CheckContext) -> str:
    """The websocket token opens it, too."""
    answer = await _get(context, await _url(context), (await context.socket_token()).token)
    expect(answer.status == 200, f"{answer.status} {short(answer.body)}")
    return "200"


async def not_to_anybody(context: CheckContext) -> str:
    """Without a token, or with one in the query, it is 401."""
    url, token = await _url(context), await context.login()
    for path in (url, f"{url}?token={token}"):
        answer = await context.http.ask("GET", path)
        expect(answer.status == 401, f"{answer.status} without a Bearer")
        answer.error(401)
    return "401 twice"


async def headers(context: CheckContext) -> str:
    """It is private, not guessed at, and runs nothing: Cache-Control, nosniff, a closed CSP."""
    answer = await _get(context, await _url(context), await context.login())
    wanted = {
        "Cache-Control": "private",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'",
    }
    for name, part in wanted.items():
        value = answer.headers.get(name, "")
        expect(part in value, f"{name} is {short(value)}")
    return "all three"


async def etag(context: CheckContext) -> str:
    """It has an `ETag`, and `If-None-Match` with it gets 304 without a body."""
    url, token = await _url(context), await context.login()
    tag = (await _get(context, url, token)).headers.get("ETag", "")
    expect(tag, "no ETag")
    answer = await _get(context, url, token, {"If-None-Match": tag})
    expect(answer.status == 304, f"{answer.status}")
    expect(not answer.body, f"304 with {len(answer.body)} bytes")
    return f"304 for {tag}"


async def padded_and_bare(context: CheckContext) -> str:
    """The path's base64url is understood with its padding and without."""
    url, token = await _url(context), await context.login()
    one, other = [await _get(context, each, token) for each in (url, url.rstrip("="))]
    expect(one.status == other.status == 200, f"{one.status} and {other.status}")
    expect(one.body == other.body, "two different pictures")
    return "the same picture"


async def nothing_else(context: CheckContext) -> str:
    """Any other path, whatever is on the disk, is the same 404: the endpoint opens no file."""
    token = await context.login()
    nothing = await _get(context, _named("/nowhere/at/all"), token)
    nothing.error(404)
    for path in PRIVATE_PATHS:
        answer = await _get(context, _named(path), token)
        expect(answer.status == 404, f"{answer.status} for {short(path)}")
        expect(answer.json == nothing.json, f"another answer for {short(path)}")
    return f"the same 404 for {len(PRIVATE_PATHS)} paths"


async def not_base64(context: CheckContext) -> str:
    """A path that is not base64url gets the same 404."""
    token = await context.login()
    nothing = await _get(context, _named("/nowhere/at/all"), token)
    for base64url in ("%25%25%25", "a", "!!!!", "L2V0Yy9wYXNzd2R=", "="):
        answer = await _get(context, PATH + base64url, token)
        expect(answer.status == 404, f"{answer.status} for {base64url}")
        expect(answer.json == nothing.json, f"another answer for {base64url}")
    return "the same 404, five times"


async def _url(context: CheckContext) -> str:
    """Return where a picture is that some player names."""

    async def look(context: CheckContext) -> list[dict[str, Any]]:
        async with context.watch() as socket:
            return keys.players(await context.stats(socket))

    for player in await context.once(look):
        url = player.get("art_url")
        if isinstance(url, str):
            if not url.startswith(PATH):
                raise Broken(f"art_url {short(url)}")
            return url
    raise NotChecked("no player names a picture")


async def _get(
    context: CheckContext, path: str, token: str, more: Mapping[str, str] | None = None
) -> Answer:
    return await context.http.ask("GET", path, headers={**bearer(token), **(more or {})})


def _named(path: str) -> str:
    return PATH + base64.urlsafe_b64encode(path.encode()).decode()


TOPIC = Topic(
    8,
    "art",
    (
        Clause("8.1", "protocol.md#art-store, protocol.md#art-access", served),
        Clause("8.2", "protocol.md#art-access", to_the_socket),
        Clause("8.3", "protocol.md#art-access", not_to_anybody),
        Clause("8.4", "protocol.md#art-access", headers),
        Clause("8.5", "protocol.md#art-access", etag),
        Clause("8.6", "protocol.md#art-url", padded_and_bare),
        Clause("8.7", "protocol.md#art-store", nothing_else),
        Clause("8.8", "protocol.md#art-store", not_base64),
    ),
    reads_desk=True,
)
