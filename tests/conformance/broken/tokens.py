"""Wrong about tokens."""

import base64
import json
import secrets
import uuid
from typing import Any

import jwt
import msgspec

from deskwire.auth.logins import Login
from deskwire.auth.tokens import Claims, Tokens
from deskwire.model.access import LoginId
from deskwire.model.instant import Instant
from deskwire.model.problems import TokenRefused
from deskwire.server.http.login_service import LoginService
from deskwire.server.http.request_policy import Request
from tests.conformance.broken.variant import Patch, bodies, breaks, statuses

LOGIN = "/v1/login"
WEBSOCKET = "/v1/websocket"


@breaks("2.1")
def says_more_than_asked(patch: Patch) -> None:
    bodies(patch, WEBSOCKET, lambda body: body["data"].update(expires_in=1200))


@breaks("2.2")
def gives_an_address_of_http(patch: Patch) -> None:
    def change(body: dict[str, Any]) -> None:
        body["data"]["socket"] = body["data"]["socket"].replace("ws://", "wss://")

    bodies(patch, WEBSOCKET, change)


@breaks("2.3")
def gives_the_same_token_again(patch: Patch) -> None:
    original = Tokens.websocket_token
    minted: dict[LoginId, str] = {}

    def websocket_token(self: Tokens, login: Login, now: Instant) -> str:
        return minted.setdefault(login.id, original(self, login, now))

    patch.setattr(Tokens, "websocket_token", websocket_token)


@breaks("2.4")
def is_another_desk_each_time(patch: Patch) -> None:
    def change(body: dict[str, Any]) -> None:
        steps = body["data"]["socket"].split("/")
        steps[-2] = str(uuid.uuid4())
        body["data"]["socket"] = "/".join(steps)

    bodies(patch, WEBSOCKET, change)


@breaks("2.5")
def reads_the_token_from_the_query(patch: Patch) -> None:
    token = LoginService._token

    def anywhere(service: LoginService, request: Request) -> str:
        return request.raw.query.get("token") or token(service, request)

    patch.setattr(LoginService, "_token", anywhere)


@breaks("2.6")
@breaks("3.6")
def checks_no_signature(patch: Patch) -> None:
    def decode(_: Tokens, token: str, audience: str) -> Claims:
        try:
            payload = jwt.decode(token, options={"verify_signature": False})
            claims = msgspec.convert(payload, Claims)
        except (jwt.InvalidTokenError, msgspec.ValidationError):
            raise TokenRefused("no token") from None
        if claims.aud != audience:
            raise TokenRefused("another audience")
        return claims

    patch.setattr(Tokens, "decode", decode)


@breaks("2.7")
def takes_a_websocket_token_for_a_login(patch: Patch) -> None:
    original = Tokens.verify_login

    def verify_login(self: Tokens, token: str, now: Instant) -> LoginId:
        try:
            return original(self, token, now)
        except TokenRefused:
            return self.verify_websocket(token, self._desk, now).login

    patch.setattr(Tokens, "verify_login", verify_login)


@breaks("2.8")
def leaves_out_the_issuer(patch: Patch) -> None:
    claims(patch, WEBSOCKET, lambda claims: claims.pop("iss"))


@breaks("2.9")
def has_one_audience_for_both(patch: Patch) -> None:
    claims(patch, WEBSOCKET, lambda claims: claims.update(aud="deskwire:login"))


@breaks("2.10")
def numbers_all_tokens_one(patch: Patch) -> None:
    claims(patch, WEBSOCKET, lambda claims: claims.update(jti="1"))


@breaks("2.11")
def lets_a_token_live_an_hour(patch: Patch) -> None:
    claims(patch, WEBSOCKET, lambda claims: claims.update(exp=claims["iat"] + 3600))


@breaks("2.12")
def does_not_bind_a_token_to_the_desk(patch: Patch) -> None:
    claims(patch, WEBSOCKET, lambda claims: claims.pop("desk"))


@breaks("2.13")
def logs_anybody_out(patch: Patch) -> None:
    statuses(patch, "/v1/logout", 401, 204)


def claims(patch: Patch, path: str, change: Any) -> None:
    """Give tokens that say something else; their signature is for show."""

    def changed(body: dict[str, Any]) -> None:
        head, middle, _ = body["data"]["token"].split(".")
        inside = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
        change(inside)
        encode_part = base64.urlsafe_b64encode(json.dumps(inside).encode()).decode().rstrip("=")
        body["data"]["token"] = f"{head}.{encode_part}.{secrets.token_urlsafe(32)}"

    bodies(patch, path, changed)
