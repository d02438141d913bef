"""Generator of the reference pages that come from the code: `make reference`.

docs/reference/*.yaml          the WebSocket in AsyncAPI 3, see `scripts/asyncapi.py`
docs/reference/schemas/        JSON Schemas, see there
docs/reference/topics.md       all topics with their readings and commands, from the devices
docs/reference/settings.md     all settings, from their types
docs/reference/commands.md     the help text of all commands
docs/reference/conformance.md  all clauses of the conformance checker

`tests/test_reference.py` fails if a page differs from the output of this script.
"""

import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, get_args, get_origin

import click
import msgspec

from deskwire.cli import exit_codes as exits
from deskwire.cli.commands.conform import QUICK
from deskwire.cli.main import COMMANDS, app
from deskwire.conformance.clause import Clause
from deskwire.conformance.clauses import TOPICS
from deskwire.daemon.config.settings import RELOADABLE, Settings
from deskwire.devices.catalogue import DEVICES, device_class
from deskwire.model.commands import Command
from deskwire.model.topics import Field, fields, meaning, struct_of
from deskwire.protocol.base import stats
from scripts import asyncapi

FOLDER = Path(__file__).parent.parent / "docs" / "reference"

SETTING_MEANS = {
    "server.host": "Address to listen on. Use `127.0.0.1` to accept this machine only.",
    "server.port": "TCP port. 0 picks a free one.",
    "server.tls": "May be off on a loopback address or behind a proxy only.",
    "server.certificate": "PEM file with the full chain. "
    '`""` uses a self-signed certificate that renews itself.',
    "server.key": "PEM file with the private key of the certificate.",
    "server.public_url": "Base URL that clients see, used in `socket`. "
    "Its host and its origin are allowed.",
    "server.allowed_hosts": "Host names to accept beside IP addresses, `localhost` and this "
    "machine's name, also with `.local`. Any other gets 421.",
    "server.allowed_origins": "Origins of foreign pages that may log in and open a socket.",
    "server.state_dir": "Directory for users, logins, keys and the self-signed certificate.",
    "server.behind_proxy": "A proxy terminates TLS. Allows `tls = false` on any address and "
    "enables `trusted_proxies`.",
    "server.trusted_proxies": "Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are used.",
    "session.lifetime": "Lifetime of a websocket token, and so of a session.",
    "session.warning": "Time between `session expiring` and the end of the session.",
    "session.auth_timeout": "Time that a socket has to send `auth`.",
    "session.login_lifetime": "Lifetime of a login.",
    "session.max_sockets": "Maximum number of sockets. Above it, a socket is closed with 1013.",
    "session.max_sockets_per_user": "Maximum number of sockets for each user, enforced alike.",
    "session.max_unauthenticated": "Maximum number of unauthenticated sockets. "
    "Above it, the oldest one of the address with the most is closed.",
    "stats.interval": "Time between two readings of cpu, memory, network, uptime and disk, and "
    "the longest time between two `stats`.",
    "stats.disk": "Mount point that `disk_bytes` describes.",
    "devices.proc": "Path of procfs. Set it in a container that mounts the host's elsewhere.",
    "devices.sys": "Path of sysfs, alike.",
    "devices.disabled": "Devices to ignore, as if this machine had none.",
    "art.public": "Serve pictures without a token.",
    "art.fetch_remote": "Fetch pictures that a player names by an HTTP URL, from public "
    "addresses only.",
    "compat.literal_event_names": "Send `session expiring` with a trailing space.",
}
EXPECTED = {"devices.disabled": "a list of [topics](topics.md)"}
"""Descriptions that differ from those in the error messages."""


JSON_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number"}


def settings() -> str:
    """Return the page of settings."""
    lines = [
        "# Settings",
        "",
        "The daemon looks for each setting in this order and uses the first value it finds:",
        "",
        "1. the command line flag,",
        "2. the environment variable `DESKWIRE_SECTION_KEY`, with commas between list items,",
        "3. the file `~/.config/deskwire/config.toml`,",
        "4. the default.",
        "",
        "An unknown key or a wrong value stops the start with exit code 2.",
        "The message names the file, the line, the expected value and the closest valid key.",
        "",
        "To reload the settings, run `systemctl --user reload deskwire` or send SIGHUP.",
        "The daemon applies the settings marked *yes* at once.",
        "It lists the others in the log, and they apply after a restart.",
        "A mistake in the file leaves all settings unchanged.",
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
        lines += ["", f"## [{section.name}]", "", "| key | default | meaning | expected | reload |"]
        lines += ["|---|---|---|---|---|"]
        for field in msgspec.structs.fields(section.type):
            default = shown(field.default)
            name = f"{section.name}.{field.name}"
            expected = EXPECTED.get(name) or described(field.type)
            row = [f"`{field.name}`", f"`{default}`", SETTING_MEANS[name], expected]
            lines.append(f"| {' | '.join(row)} | {'yes' if name in RELOADABLE else ''} |")
    return "\n".join(lines) + "\n"


def topics() -> str:
    """Return the page of topics."""
    lines = [
        "# Topics",
        "",
        "A topic is the subject of readings: one device publishes one topic.",
        "The declaration in the device's file gives each topic its fields and its commands.",
        "This page is made from these declarations, and so is the JSON Schema of a topic.",
        "",
        "*Polled* devices are read at each `stats.interval`.",
        "*Signalled* devices publish a change at once.",
        "A counter only grows, a gauge goes up and down.",
        "The base protocol carries the topics with a key in `stats` and the commands of `players`.",
        "All topics and commands are part of [deskwire.v1](deskwire-v1.md).",
    ]
    for name in DEVICES:
        device = device_class(name)
        topic = device.topic
        struct, several = struct_of(topic.reading), topic.empty == ()
        lines += ["", f"## {name}", "", f"{meaning(struct)}.", ""]
        lines += [f"- Reading: {'a list of' if several else 'one'} `{struct.__name__}`"]
        lines += [f"- Publication: {'polled' if topic.periodic else 'signalled'}"]
        if name in stats.STATS_KEYS:
            lines += [f"- Key in [`stats`](protocol.md#stats): `{stats.STATS_KEYS[name]}`"]
        lines += [f"- Without hardware: {topic.absent}", ""]
        lines += ["| field | type | unit | kind | meaning |", "|---|---|---|---|---|"]
        lines += field_rows(struct)
        if device.commands:
            lines += ["", "| command | arguments | scope | meaning |", "|---|---|---|---|"]
            lines += [
                f"| `{each.name}` | {arguments(each)} | `{each.scope}` | {meaning(each)} |"
                for each in device.commands
            ]
    return "\n".join(lines) + "\n"


def field_rows(struct: Any, prefix: str = "") -> list[str]:
    """Return a row for each field of a reading, and for each field of a nested struct."""
    rows = []
    for field in fields(struct):
        name = prefix + field.name
        row = [f"`{name}`", type_name(field), field.unit, field.kind, field.meaning]
        rows.append(f"| {' | '.join(row)} |")
        inner = struct_of(field.type)
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            rows += field_rows(inner, f"{name}.")
    return rows


def type_name(field: Field) -> str:
    """Return the type of a field in JSON's words."""
    several = get_origin(field.type) is tuple
    inner = struct_of(field.type)
    name = JSON_TYPES.get(inner, "object")
    return f"{'list of ' if several else ''}{name}{' or null' if field.optional else ''}"


def arguments(command: type[Command]) -> str:
    """Return the arguments of a command with their types and meanings."""
    return "<br>".join(
        f"`{field.name}` ({type_name(field)}{f', {field.unit}' if field.unit else ''}): "
        f"{field.meaning}"
        for field in fields(command)
    )


def described(hint: Any) -> str:
    """Return the description in the type of a setting."""
    return next(each.description or "" for each in get_args(hint) if isinstance(each, msgspec.Meta))


def shown(value: Any) -> str:
    """Return a default value in TOML."""
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
    """Return the page of commands, which runs each one with `--help`."""
    lines = ["# Commands", "", "All commands of the `deskwire` program with their help texts."]
    lines += ["", "| exit code | meaning |", "|---|---|"]
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
    """Return the words of a group and of all commands below it."""
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
    """Return the page of conformance clauses."""
    lines = [
        "# Conformance",
        "",
        "`deskwire conform` checks a server against these clauses.",
        "See [Write a client](../howto/write-a-client.md#check-a-server) for its use.",
        "The last column names the section of [the protocol](protocol.md) that a clause tests.",
        "",
        "Some properties are not visible from outside and have no clause:",
        "",
        "- logins that survive a restart,",
        "- the effect of a suspend or of a changed clock,",
        "- a changed password,",
        "- close code 1001 when the daemon stops,",
        "- updates that the server skips for a slow client.",
    ]
    for topic in TOPICS:
        lines += ["", f"## {topic.number} {topic.name}", "", "| clause | requirement | source |"]
        lines += ["|---|---|---|"]
        lines += [
            f"| {clause.number} | {clause.text}{waits(clause)} | {linked(clause.source)} |"
            for clause in topic.clauses
        ]
    return "\n".join(lines) + "\n"


def linked(source: str) -> str:
    """Return the sources of a clause with links into the protocol page."""
    return re.sub(r"(protocol|deskwire-v1)\.md#([\w-]+)", r"[\2](\1.md#\2)", source)


def waits(clause: Clause) -> str:
    """Return a note on the duration of a slow clause."""
    if clause.needs_whole_session:
        return " *Takes one session.*"
    return f" *Takes {clause.takes:g} s.*" if clause.takes > QUICK else ""


WRITTEN: dict[str, Callable[[], str]] = {
    "asyncapi.yaml": asyncapi.asyncapi,
    "deskwire-v1.asyncapi.yaml": asyncapi.extended_asyncapi,
    "schemas/stats.schema.json": partial(asyncapi.schema_file, "stats"),
    "schemas/error.schema.json": partial(asyncapi.schema_file, "error"),
    **{
        f"schemas/topics/{topic}.schema.json": partial(asyncapi.topic_file, topic)
        for topic in DEVICES
    },
    "topics.md": topics,
    "settings.md": settings,
    "commands.md": commands,
    "conformance.md": conformance,
}

if __name__ == "__main__":
    for file, make in WRITTEN.items():
        (FOLDER / file).parent.mkdir(parents=True, exist_ok=True)
        (FOLDER / file).write_text(make(), encoding="utf-8")
