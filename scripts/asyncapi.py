"""AsyncAPI documents and JSON Schemas of the WebSocket, for `scripts/reference.py`.

asyncapi.yaml               the base protocol, from its codec and the close codes
deskwire-v1.asyncapi.yaml   deskwire.v1, from its codec and the declarations of the devices
schemas/                    `stats`, `error`, and the reading of each topic
"""

import json
from typing import Any

import msgspec
import yaml

from deskwire import __version__
from deskwire.devices.catalogue import DEVICES, device_class
from deskwire.model.topics import meaning, schema, struct_of
from deskwire.protocol.base import codec, stats
from deskwire.protocol.close_codes import AFTER_CLOSE, CloseCode
from deskwire.protocol.extended.codec import (
    SUBPROTOCOL,
    FailureArgument,
    RequestId,
    Subscription,
    Welcome,
)

COMPONENTS = "#/components/schemas/"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
CLOSE_MEANS = {
    CloseCode.NORMAL: "Normal closure",
    CloseCode.GOING_AWAY: "The daemon stops or restarts",
    CloseCode.PROTOCOL_ERROR: "A frame violates RFC 6455",
    CloseCode.UNSUPPORTED: "A binary message",
    CloseCode.ABNORMAL: "Connection lost without a close frame; only clients see this code",
    CloseCode.INVALID_TEXT: "Text that is not UTF-8",
    CloseCode.POLICY: "Ten malformed messages within 10 s",
    CloseCode.TOO_BIG: "A message over 16 KiB",
    CloseCode.TRY_LATER: "Too many open sockets",
    CloseCode.AUTH_FAILED: "Bad token, ended login, or a newer socket with the same token",
    CloseCode.TOKEN_EXPIRED: "The token expired",
}
ACTION_DOES = {
    "audio-play-pause": "Toggle play and pause",
    "audio-next": "Skip to the next track",
    "audio-previous": "Go to the previous track",
    "audio-stop": "Stop playback",
}


def asyncapi() -> str:
    """Return the AsyncAPI description of the WebSocket."""
    messages = {
        "auth": message("auth", "First message of a client", text("a websocket token")),
        "stats": message(
            "stats",
            "State of the desk, sent after auth, then every second and on change",
            json_text("stats"),
        ),
        "sessionExpiring": message(
            "session expiring",
            "Sent once, four minutes before the session ends",
            {
                "type": "string",
                "pattern": r"^\[[0-9]{2}:[0-9]{2}:[0-9]{2}\]: Your Session will expire$",
            },
        ),
        "error": message(
            "error",
            "Reason why the server refused a message",
            json_text("error"),
        ),
    }
    for event in codec.COMMANDS:
        messages[camel(event)] = message(event, ACTION_DOES[event], text("a player's id"))
    from_client = ["auth", *(camel(event) for event in codec.COMMANDS)]
    return written("deskwire WebSocket", close_table(), messages, from_client, schemas())


def written(
    title: str,
    description: str,
    messages: dict[str, Any],
    from_client: list[str],
    components: dict[str, Any],
) -> str:
    """Return a document; the messages that are not `from_client` are the server's."""
    from_server = [name for name in messages if name not in from_client]
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": title,
            "version": __version__,
            "description": description,
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "channels": {
            "monitor": {
                "address": "/v1/monitor/{desk}/ws",
                "parameters": {"desk": {"description": "UUID of the desk"}},
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
            }
        },
        "operations": {
            "receiveFromClient": operation("receive", "Messages from the client", from_client),
            "sendToClient": operation("send", "Messages from the server", from_server),
        },
        "components": {
            "messages": messages,
            "schemas": components,
        },
    }
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)


def message(event: str, summary: str, argument: dict[str, Any]) -> dict[str, Any]:
    """Return the description of a message with one argument."""
    return {
        "name": event,
        "summary": summary,
        "payload": {
            "type": "object",
            "required": ["event", "args"],
            "properties": {
                "event": {"const": event},
                "args": {"type": "array", "items": argument, "minItems": 1, "maxItems": 1},
            },
        },
    }


def extended_asyncapi() -> str:
    """Return the AsyncAPI description of `deskwire.v1`."""
    components = {
        name: definition
        for prefix, declared in [
            ("", Welcome),
            ("", Subscription),
            ("", FailureArgument),
            *((name, device_class(name).topic.reading) for name in DEVICES),
            *(
                (command.name, command)
                for name in DEVICES
                for command in device_class(name).commands
            ),
        ]
        for name, definition in definitions(prefix, declared).items()
    }
    topics = {name: {"anyOf": [reference(name), {"type": "null"}]} for name in DEVICES}
    readings = {"type": "object", "minProperties": 1, "properties": topics}
    expiring, end = (
        {"type": "string"},
        {
            "type": "object",
            "required": ["expires_at"],
            "properties": {"expires_at": {"type": "string", "format": "date-time"}},
        },
    )
    messages = {
        "welcome": extended("welcome", "First message of the server", reference("Welcome")),
        "readings": extended(
            "readings", "The topics that changed; null for absent hardware", readings
        ),
        "result": extended("result", "The message with this id was carried out", {}, answers=True),
        "error": extended(
            "error", "A message was refused, or its command failed", reference("FailureArgument")
        ),
        "sessionExpiring": extended(
            "session expiring", "Sent once, four minutes before the session ends", expiring, end
        ),
    }
    messages["result"]["payload"]["properties"]["args"]["minItems"] = 0
    from_client = {
        "auth": extended("auth", "First message of a client", text("a websocket token")),
        "subscribe": extended("subscribe", "Replaces the subscription", reference("Subscription")),
    }
    for name in DEVICES:
        for command in device_class(name).commands:
            from_client[command.name] = extended(
                command.name, meaning(command), reference(command.name)
            )
    for event in codec.COMMANDS:
        from_client[camel(event)] = extended(event, ACTION_DOES[event], text("a player's id"))
    description = f"Offer the subprotocol `{SUBPROTOCOL}`.\n\n{close_table()}"
    return written(
        "deskwire.v1", description, messages | from_client, list(from_client), components
    )


def extended(
    event: str, summary: str, *arguments: dict[str, Any], answers: bool = False
) -> dict[str, Any]:
    """Return the description of a message of `deskwire.v1`, which `answers` one with an id."""
    described = message(event, summary, {})
    payload = described["payload"]
    payload["properties"]["id"] = rewritten(msgspec.json.schema(RequestId), {})
    payload["properties"]["args"] = {
        "type": "array",
        "prefixItems": list(arguments),
        "minItems": len(arguments),
        "maxItems": len(arguments),
    }
    if answers:
        payload["required"] = [*payload["required"], "id"]
    return described


def definitions(name: str, declared: Any) -> dict[str, Any]:
    """Return the JSON Schemas of a type and of the structs in it.

    `name` is the name of the type's own schema, a struct's own name if it is empty.
    """
    whole = schema(declared) if name else msgspec.json.schema(declared)
    own = struct_of(declared).__name__
    listed = struct_of(declared) is not declared
    renamed = {
        inner: (name or own) if inner == own and not listed else f"{name}.{inner}".lstrip(".")
        for inner in whole["$defs"]
    }
    found = {renamed[inner]: rewritten(each, renamed) for inner, each in whole["$defs"].items()}
    if listed:
        array = {key: value for key, value in whole.items() if key != "$defs"}
        found[name] = rewritten(array, renamed)
    return found


def reference(name: str) -> dict[str, str]:
    """Return the reference to a schema of the document."""
    return {"$ref": COMPONENTS + name}


def topic_file(topic: str) -> str:
    """Return the JSON Schema of the reading of a topic as a document of its own."""
    found = definitions(topic, device_class(topic).topic.reading)
    local = json.loads(json.dumps(found).replace(COMPONENTS, "#/$defs/"))
    document = {"$schema": DIALECT, "title": f"deskwire {topic}", **local.pop(topic)}
    if local:
        document["$defs"] = local
    return json.dumps(document, indent=2) + "\n"


def json_text(name: str) -> dict[str, Any]:
    """Return the description of an argument that is a JSON document in a string."""
    return {
        "type": "string",
        "contentMediaType": "application/json",
        "description": f"JSON as text; its schema is components.schemas.{name}",
    }


def operation(action: str, summary: str, names: list[str]) -> dict[str, Any]:
    """Return the description of an operation; `action` is the server's."""
    return {
        "action": action,
        "summary": summary,
        "channel": {"$ref": "#/channels/monitor"},
        "messages": [{"$ref": f"#/channels/monitor/messages/{name}"} for name in names],
    }


def schemas() -> dict[str, Any]:
    """Return the JSON schemas of the arguments that are JSON in a string."""
    found: dict[str, Any] = {}
    for name, whole in (("stats", stats.stats_schema()), ("error", codec.error_schema())):
        renamed = {inner: inner.lstrip("_").lower() for inner in whole["$defs"]}
        for inner, definition in whole["$defs"].items():
            found[renamed[inner]] = rewritten(definition, renamed)
        assert whole["$ref"].endswith(name.capitalize())
    return found


def schema_file(name: str) -> str:
    """Return the JSON Schema of an argument as a document of its own."""
    found = schemas()
    local = json.loads(json.dumps(found).replace(COMPONENTS, "#/$defs/"))
    document = {
        "$schema": DIALECT,
        "title": f"deskwire {name}",
        **local.pop(name),
    }
    used = {each for each in local if f"#/$defs/{each}" in json.dumps([document, local])}
    if name == "stats":
        document["$defs"] = {each: local[each] for each in local if each in used}
    return json.dumps(document, indent=2) + "\n"


def rewritten(value: Any, renamed: dict[str, str]) -> Any:
    """Return a schema with renamed references and without its titles."""
    if isinstance(value, dict):
        return {
            key: f"{COMPONENTS}{renamed[inner.rsplit('/', 1)[1]]}"
            if key == "$ref"
            else rewritten(inner, renamed)
            for key, inner in value.items()
            if not (key == "title" and isinstance(inner, str))
        }
    if isinstance(value, list):
        return [rewritten(inner, renamed) for inner in value]
    return value


def close_table() -> str:
    """Return the list of close codes with their meaning and the client's next step."""
    lines = ["Close codes and the next step of the client:", ""]
    for code in CloseCode:
        then = AFTER_CLOSE.get(code)
        lines.append(f"- {int(code)}: {CLOSE_MEANS[code]}" + (f" → {then.value}" if then else ""))
    return "\n".join(lines)


def text(description: str) -> dict[str, Any]:
    """Return the schema of a plain string argument."""
    return {"type": "string", "description": description}


def camel(event: str) -> str:
    """Return the message name of an event: `audio-next` gives `audioNext`."""
    first, *rest = event.split("-")
    return first + "".join(word.capitalize() for word in rest)
