"""The HTTP surface described, OpenAPI 3.1, made from the table that serves it."""

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from msgspec import Struct

from deskwire import __version__
from deskwire.server.http.problems import STATUS, ErrorAnswer
from deskwire.server.http.route import AuthRequirement, Route

_SECURITY: dict[AuthRequirement, list[dict[str, list[str]]]] = {
    AuthRequirement.NOTHING: [],
    AuthRequirement.LOGIN: [{"loginToken": []}, {"pageCookie": []}],
    AuthRequirement.EITHER: [{"loginToken": []}, {"websocketToken": []}, {"pageCookie": []}],
}


def describe(table: Sequence[Route], *, cookie: str) -> dict[str, Any]:
    """Return the OpenAPI document of these routes; `cookie` is the name of the page's."""
    types: set[type[Struct]] = {ErrorAnswer}
    types.update(route.takes for route in table if route.takes is not None)
    types.update(route.gives for route in table if isinstance(route.gives, type))
    ordered = sorted(types, key=lambda each: each.__name__)
    references, components = msgspec.json.schema_components(
        ordered, ref_template="#/components/schemas/{name}"
    )
    schemas = dict(zip(ordered, references, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in table:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "deskwire",
            "version": __version__,
            "summary": "One person's Linux session, live on any screen",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "loginToken": _bearer("The token POST /v1/login gives"),
                "websocketToken": _bearer("The token GET /v1/websocket gives"),
                "pageCookie": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": cookie,
                    "description": "A login token where no script can read it",
                },
            },
        },
    }


def _operation(route: Route, schemas: dict[type[Struct], dict[str, Any]]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.handle.__name__,
        "summary": route.summary,
        "security": _SECURITY[route.bears],
        "responses": _responses(route, schemas),
    }
    names = re.findall(r"{(\w+)}", route.path)
    if names:
        operation["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in names
        ]
    if route.takes is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schemas[route.takes]}},
        }
    return operation


def _responses(route: Route, schemas: dict[type[Struct], dict[str, Any]]) -> dict[str, Any]:
    good: dict[str, Any] = {"description": HTTPStatus(route.status).phrase}
    if isinstance(route.gives, str):
        good["content"] = {route.gives: {"schema": {}}}
    elif route.gives is not None:
        good["content"] = {"application/json": {"schema": schemas[route.gives]}}
    responses = {str(route.status): good}
    codes: dict[int, list[str]] = {}
    for problem in route.refusals:
        codes.setdefault(STATUS[problem], []).append(problem.code)
    for status, names in sorted(codes.items()):
        responses[str(status)] = {
            "description": " or ".join(names),
            "content": {"application/json": {"schema": schemas[ErrorAnswer]}},
        }
    responses["default"] = {
        "description": "Any other refusal",
        "content": {"application/json": {"schema": schemas[ErrorAnswer]}},
    }
    return responses


def _bearer(description: str) -> dict[str, str]:
    return {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": description,
    }
