"""OpenAPI 3.1 document, made from the route table that the server uses."""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from deskwire import __version__
from deskwire.model.topics import meaning
from deskwire.server.http.problems import STATUS, ErrorAnswer
from deskwire.server.http.routes import AuthRequirement, Route

_SECURITY: dict[AuthRequirement, list[dict[str, list[str]]]] = {
    AuthRequirement.NONE: [],
    AuthRequirement.LOGIN: [{name: []} for name in ("loginToken", "accessToken", "pageCookie")],
    AuthRequirement.ANY_TOKEN: [
        {name: []} for name in ("loginToken", "accessToken", "websocketToken", "pageCookie")
    ],
}
_BEARER = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
_ACCESS = {
    "type": "http",
    "scheme": "bearer",
    "description": "Token from `deskwire tokens create`",
}
_COOKIE = {"type": "apiKey", "in": "cookie", "description": "Login token in an HttpOnly cookie"}

Schemas = dict[type[Struct], dict[str, Any]]


def describe(routes: Sequence[Route], *, cookie: str) -> dict[str, Any]:
    """Return the OpenAPI document of these routes; `cookie` is the name of the page's cookie."""
    routes = [each for route in routes for each in _expand(route)]
    types: set[type[Struct]] = {ErrorAnswer}
    types.update(route.takes for route in routes if isinstance(route.takes, type))
    types.update(route.gives for route in routes if isinstance(route.gives, type))
    ordered = sorted(types, key=lambda each: each.__name__)
    references, components = msgspec.json.schema_components(
        ordered, ref_template="#/components/schemas/{name}"
    )
    schemas = dict(zip(ordered, references, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "deskwire",
            "version": __version__,
            "summary": "Live state and control of one user's Linux session",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "loginToken": {**_BEARER, "description": "Token from POST /v1/login"},
                "accessToken": _ACCESS,
                "websocketToken": {**_BEARER, "description": "Token from GET /v1/websocket"},
                "pageCookie": {**_COOKIE, "name": cookie},
            },
        },
    }


def _expand(route: Route) -> list[Route]:
    """Return a route for each value in the path that has a body of its own."""
    if not isinstance(route.takes, Mapping):
        return [route]
    return [
        replace(
            route,
            path=re.sub(r"{\w+}", name, route.path),
            summary=meaning(body),
            name=name,
            takes=body,
        )
        for name, body in route.takes.items()
    ]


def _operation(route: Route, schemas: Schemas) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name or route.handle.__name__,
        "summary": route.summary,
        "security": _SECURITY[route.auth],
        "responses": _responses(route, schemas),
    }
    text = {"schema": {"type": "string"}}
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, **text}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    parameters += [
        {"name": name, "in": "query", "description": meaning, **text}
        for name, meaning in route.query.items()
    ]
    if parameters:
        operation["parameters"] = parameters
    if route.takes is not None:
        operation["requestBody"] = {"required": True, "content": _json(schemas[route.takes])}
    return operation


def _responses(route: Route, schemas: Schemas) -> dict[str, Any]:
    good: dict[str, Any] = {"description": HTTPStatus(route.status).phrase}
    if isinstance(route.gives, str):
        good["content"] = {route.gives: {"schema": {}}}
    elif route.gives is not None:
        good["content"] = _json(schemas[route.gives])
    codes: dict[int, list[str]] = {}
    for problem in route.refusals:
        codes.setdefault(STATUS[problem], []).append(problem.code)
    described = {str(status): " or ".join(names) for status, names in sorted(codes.items())}
    described["default"] = "Any other error"
    error = _json(schemas[ErrorAnswer])
    errors = {status: {"description": text, "content": error} for status, text in described.items()}
    return {str(route.status): good, **errors}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
