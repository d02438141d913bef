"""Write the reference that is made from the code: `make reference`.

docs/reference/asyncapi.yaml   the socket, AsyncAPI 3, from the codec's and the close codes' tables
docs/reference/settings.md     every setting, from its type
docs/reference/commands.md     every command's own help
docs/reference/conformance.md  every clause a server is judged by

A test fails when a file here is not what this would write.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import click
import msgspec
import yaml

from deskwire import __version__
from deskwire.cli import exit_codes as exits
from deskwire.cli.commands.conform import QUICK
from deskwire.cli.main import COMMANDS, app
from deskwire.conformance.clause import Clause
from deskwire.conformance.clauses import TOPICS
from deskwire.daemon.config.settings import RELOADABLE, Settings
from deskwire.protocol.base import codec, stats
from deskwire.protocol.close_codes import AFTER_CLOSE, CloseCode

FOLDER = Path(__file__).parent.parent / "docs" / "reference"

CLOSE_MEANS = {
    CloseCode.NORMAL: "Normal closure",
    CloseCode.GOING_AWAY: "The daemon stops or starts anew",
    CloseCode.PROTOCOL_ERROR: "A frame that RFC 6455 does not allow",
    CloseCode.UNSUPPORTED: "A binary message",
    CloseCode.ABNORMAL: "No close frame came; seen by a client, never sent",
    CloseCode.INVALID_TEXT: "Text that is not UTF-8",
    CloseCode.POLICY: "Ten malformed messages within ten seconds",
    CloseCode.TOO_BIG: "A message over 16 KiB",
    CloseCode.TRY_LATER: "Too many sockets are open",
    CloseCode.AUTH_FAILED: "Auth failed, the login ended, or a newer connection took the token",
    CloseCode.TOKEN_EXPIRED: "The token's time is over",
}
SETTING_MEANS = {
    "server.host": "where it listens; `127.0.0.1` for this machine alone",
    "server.port": "0 picks a free one",
    "server.tls": "off on a loopback address or behind a proxy only",
    "server.certificate": 'PEM, the chain included; `""`: the desk\'s own, which renews itself',
    "server.key": "its key",
    "server.public_url": "what `socket` names the desk by; its host and its pages may ask",
    "server.allowed_hosts": "names it answers to, beside any address, `localhost` and the "
    "machine's own name, also with `.local`; any other is 421",
    "server.allowed_origins": "pages from elsewhere that may log in and open a socket",
    "server.state_dir": "users, logins, keys, the desk's own certificate",
    "server.behind_proxy": "a proxy speaks TLS for it: `tls` may be off on any address, and "
    "`trusted_proxies` are believed",
    "server.trusted_proxies": "whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed",
    "session.lifetime": "how long a websocket token, and so a session, lasts",
    "session.warning": "how long before the end `session expiring` is sent",
    "session.auth_timeout": "how long a socket may wait before its `auth`",
    "session.login_lifetime": "how long a login lasts",
    "session.max_sockets": "beyond it a socket is closed with 1013",
    "session.max_sockets_per_user": "the same, of one user",
    "session.max_unauthenticated": "beyond it, who waited longest for its `auth` is dropped",
    "stats.interval": "how often cpu, memory, network, uptime and disk are read, and the least "
    "often that `stats` is sent",
    "stats.disk": "the mount that `disk_bytes` is of",
    "devices.proc": "another where a container has the machine's elsewhere",
    "devices.sys": "the same",
    "devices.disabled": "not watched, as if the machine had none",
    "art.public": "pictures need no token",
    "art.fetch_remote": "pictures that a player names by http are fetched, from public addresses",
    "compat.literal_event_names": "`session expiring` has a space at its end",
}
ACTION_DOES = {
    "audio-play-pause": "Toggle play and pause",
    "audio-next": "Skip to the next track",
    "audio-previous": "Go to the previous track",
    "audio-stop": "Stop playback",
}


def asyncapi() -> str:
    """Describe the socket."""
    messages = {
        "auth": message("auth", "The first thing a screen says", text("a websocket token")),
        "stats": message(
            "stats",
            "How the desk is; at once after auth, then each second and on change",
            {
                "type": "string",
                "contentMediaType": "application/json",
                "contentSchema": {"$ref": "#/components/schemas/stats"},
            },
        ),
        "sessionExpiring": message(
            "session expiring",
            "Once, four minutes before the end",
            {
                "type": "string",
                "pattern": r"^\[[0-9]{2}:[0-9]{2}:[0-9]{2}\]: Your Session will expire$",
            },
        ),
        "error": message(
            "error",
            "Why something was not done; only in answer to input",
            {
                "type": "string",
                "contentMediaType": "application/json",
                "contentSchema": {"$ref": "#/components/schemas/error"},
            },
        ),
    }
    for event in codec.ACTIONS:
        messages[camel(event)] = message(event, ACTION_DOES[event], text("a player's id"))
    from_screen = ["auth", *(camel(event) for event in codec.ACTIONS)]
    from_desk = ["stats", "sessionExpiring", "error"]
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "deskwire's socket",
            "version": __version__,
            "description": close_table(),
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "channels": {
            "monitor": {
                "address": "/v1/monitor/{desk}/ws",
                "parameters": {"desk": {"description": "The desk's own UUID"}},
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
            }
        },
        "operations": {
            "say": operation("receive", "What a screen says", from_screen),
            "hear": operation("send", "What the desk says", from_desk),
        },
        "components": {
            "messages": messages,
            "schemas": schemas(),
        },
    }
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)


def message(event: str, summary: str, argument: dict[str, Any]) -> dict[str, Any]:
    """Describe one message: its event and its one argument."""
    return {
        "name": event,
        "summary": summary,
        "payload": {
            "type": "object",
            "required": ["event", "args"],
            "properties": {
                "event": {"const": event},
                "args": {"type": "array", "prefixItems": [argument], "minItems": 1},
            },
        },
    }


def operation(action: str, summary: str, names: list[str]) -> dict[str, Any]:
    """Describe who says which messages; `action` is the desk's."""
    return {
        "action": action,
        "summary": summary,
        "channel": {"$ref": "#/channels/monitor"},
        "messages": [{"$ref": f"#/channels/monitor/messages/{name}"} for name in names],
    }


def schemas() -> dict[str, Any]:
    """Return the JSON schemas of what travels inside a string."""
    found: dict[str, Any] = {}
    for name, schema in (("stats", stats.stats_schema()), ("error", codec.error_schema())):
        renamed = {inner: inner.lstrip("_").lower() for inner in schema["$defs"]}
        for inner, definition in schema["$defs"].items():
            found[renamed[inner]] = rewritten(definition, renamed)
        assert schema["$ref"].endswith(name.capitalize())
    return found


def rewritten(value: Any, renamed: dict[str, str]) -> Any:
    """Point a schema's references at their new names."""
    if isinstance(value, dict):
        return {
            key: f"#/components/schemas/{renamed[inner.rsplit('/', 1)[1]]}"
            if key == "$ref"
            else rewritten(inner, renamed)
            for key, inner in value.items()
            if key != "title"
        }
    if isinstance(value, list):
        return [rewritten(inner, renamed) for inner in value]
    return value


def close_table() -> str:
    """Say what each close code means and asks for."""
    lines = ["Close codes, and what a client does next:", ""]
    for code in CloseCode:
        then = AFTER_CLOSE.get(code)
        lines.append(f"- {int(code)}: {CLOSE_MEANS[code]}" + (f" → {then.value}" if then else ""))
    return "\n".join(lines)


def settings() -> str:
    """List every setting."""
    lines = [
        "# Settings",
        "",
        "A flag comes first, then `DESKWIRE_SECTION_KEY` in the environment (lists by comma), then",
        "`~/.config/deskwire/config.toml`, then the default. An unknown key or a wrong value stops",
        "the start with one line, exit code 2.",
        "",
        "SIGHUP (`systemctl --user reload deskwire`) reads them anew. Those with a yes take",
        "effect, the others wait for the next start and are named in the log; a mistake changes",
        "nothing.",
        "",
        "```toml",
        "# ~/.config/deskwire/config.toml",
        "[server]",
        "port = 9000",
        "",
        "[devices]",
        'disabled = ["wifi"]',
        "```",
    ]
    for section in msgspec.structs.fields(Settings):
        lines += ["", f"## [{section.name}]", "", "| key | default | means | expected | SIGHUP |"]
        lines += ["|---|---|---|---|---|"]
        for field in msgspec.structs.fields(section.type):
            default = shown(field.default)
            name, expected = f"{section.name}.{field.name}", described(field.type)
            row = [f"`{field.name}`", f"`{default}`", SETTING_MEANS[name], expected]
            lines.append(f"| {' | '.join(row)} | {'yes' if name in RELOADABLE else ''} |")
    return "\n".join(lines) + "\n"


def described(hint: Any) -> str:
    """Return the words a setting's type carries."""
    return next(each.description or "" for each in get_args(hint) if isinstance(each, msgspec.Meta))


def shown(value: Any) -> str:
    """Write a default as it would stand in the file."""
    match value:
        case None:
            return '""'
        case bool():
            return str(value).lower()
        case int() | float():
            return f"{value:g}"
        case frozenset() | tuple():
            return "[]"
        case _:
            return f'"{value}"'


def commands() -> str:
    """Collect every command's help."""
    lines = ["# Commands", "", "| exit code | means |", "|---|---|"]
    lines += [f"| {code} | {words} |" for code, words in exits.MEANINGS.items()]
    for words in every_command(app):
        shown_help = subprocess.run(
            [sys.executable, "-m", "deskwire", *words, "--help"],
            capture_output=True,
            text=True,
            check=True,
            env={"COLUMNS": "96", "PATH": "", "NO_COLOR": "1", "TERM": "dumb"},
        ).stdout
        name = " ".join(("deskwire", *words))
        body = "\n".join(line.rstrip() for line in shown_help.strip().splitlines())
        lines += [
            "",
            f"## {name}",
            "",
            "```",
            body.replace("python -m deskwire", "deskwire"),
            "```",
        ]
    return "\n".join(lines) + "\n"


def every_command(group: click.Group, *words: str) -> list[tuple[str, ...]]:
    """List the words of a group and of everything below it."""
    found: list[tuple[str, ...]] = [words]
    context = click.Context(group)
    for name in group.commands or COMMANDS:
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            found += every_command(command, *words, name)
        else:
            found.append((*words, name))
    return found


def conformance() -> str:
    """List every clause."""
    lines = [
        "# Conformance",
        "",
        "What `deskwire conform` asks of a server, clause by clause; how to use it is in",
        "[Write a client](../howto/write-a-client.md#is-a-server-right). `api.md` is the contract;",
        "a ruling settles what it leaves open; [the protocol](protocol.md) has both in one.",
        "",
        "Not judged, for it cannot be seen from outside: what outlives a restart, what a suspend",
        "or a set clock does, a new password, 1001 at a stop, what a slow reader is spared.",
    ]
    for topic in TOPICS:
        lines += ["", f"## {topic.number} {topic.name}", "", "| clause | a right server | source |"]
        lines += ["|---|---|---|"]
        lines += [
            f"| {clause.number} | {clause.text}{waits(clause)} | {clause.source} |"
            for clause in topic.clauses
        ]
    return "\n".join(lines) + "\n"


def waits(clause: Clause) -> str:
    """Say how long a clause waits, if that is long."""
    if clause.lasts:
        return " *Takes a session.*"
    return f" *Takes {clause.takes:g} s.*" if clause.takes > QUICK else ""


def text(description: str) -> dict[str, Any]:
    """Describe a plain text argument."""
    return {"type": "string", "description": description}


def camel(event: str) -> str:
    """Make a name for a message of an event: `audio-next` is `audioNext`."""
    first, *rest = event.split("-")
    return first + "".join(word.capitalize() for word in rest)


WRITTEN: dict[str, Callable[[], str]] = {
    "asyncapi.yaml": asyncapi,
    "settings.md": settings,
    "commands.md": commands,
    "conformance.md": conformance,
}

if __name__ == "__main__":
    for file, make in WRITTEN.items():
        (FOLDER / file).write_text(make(), encoding="utf-8")
