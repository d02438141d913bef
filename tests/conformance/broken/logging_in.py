"""Wrong at the log-in."""

import asyncio
from typing import Any

from aiohttp import web

from deskwire.auth.logins import Logins
from deskwire.auth.users import User, Users
from deskwire.model.access import LoginId
from deskwire.model.problems import WrongCredentials
from deskwire.server.websocket.session_registry import SessionRegistry
from tests.conformance.broken.variant import Patch, answers, bodies, breaks, closes, statuses

LOGIN = "/v1/login"


@breaks("1.1")
def calls_it_a_token(patch: Patch) -> None:
    bodies(patch, LOGIN, lambda body: body.update(object="token"))


@breaks("1.2")
def gives_an_opaque_token(patch: Patch) -> None:
    bodies(patch, LOGIN, lambda body: body["data"].update(token="0123456789abcdef"))


@breaks("1.3")
def says_the_end_in_seconds(patch: Patch) -> None:
    bodies(patch, LOGIN, lambda body: body["data"].update(expires_at="1795416676"))


@breaks("1.4")
def does_not_say_bearer(patch: Patch) -> None:
    def change(_: web.BaseRequest, response: web.Response) -> None:
        response.headers.pop("WWW-Authenticate", None)

    answers(patch, change)


@breaks("1.5")
def tells_that_there_is_no_such_user(patch: Patch) -> None:
    original = Users.verify

    async def verify(self: Users, name: str, password: str) -> User:
        if name not in [user.name for user in await self.list()]:
            raise WrongCredentials("there is no such user")
        return await original(self, name, password)

    patch.setattr(Users, "verify", verify)


@breaks("1.6")
def hashes_only_for_who_is_known(patch: Patch) -> None:
    original = Users.verify

    async def verify(self: Users, name: str, password: str) -> User:
        if name in [user.name for user in await self.list()]:
            await asyncio.sleep(0.05)
        return await original(self, name, password)

    patch.setattr(Users, "verify", verify)


@breaks("1.7")
def says_422_to_what_is_malformed(patch: Patch) -> None:
    statuses(patch, LOGIN, 400, 422)


@breaks("1.8")
def says_400_to_another_media_type(patch: Patch) -> None:
    statuses(patch, LOGIN, 415, 400)


@breaks("1.9")
def says_400_to_a_megabyte(patch: Patch) -> None:
    statuses(patch, LOGIN, 413, 400)


@breaks("1.10")
def says_404_to_a_get(patch: Patch) -> None:
    statuses(patch, LOGIN, 405, 404)


@breaks("1.11")
def has_a_page_for_what_is_not_there(patch: Patch) -> None:
    def change(_: web.BaseRequest, response: web.Response) -> web.Response | None:
        if response.status != 404:
            return None
        return web.Response(status=404, text="<h1>Not found</h1>", content_type="text/html")

    answers(patch, change)


@breaks("1.12")
def forgets_to_log_out(patch: Patch) -> None:
    async def end(_: Logins, __: LoginId) -> bool:
        return True

    patch.setattr(Logins, "end", end)


@breaks("1.13")
def says_1000_to_a_token_of_an_ended_login(patch: Patch) -> None:
    closes(patch, 4001, 1000, when=lambda reason: reason == "auth failed")


@breaks("1.14")
def keeps_sockets_of_an_ended_login(patch: Patch) -> None:
    patch.setattr(SessionRegistry, "close_logins", lambda *_: None)


@breaks("1.15")
def logs_out_everywhere(patch: Patch) -> None:
    original = Logins.end

    async def end(self: Logins, _: LoginId) -> bool:
        ended: list[Any] = [await original(self, login.id) for login in await self.list()]
        return bool(ended)

    patch.setattr(Logins, "end", end)
