"""The settings of this desk: flag, then environment, then file, then default.

Every value that is given is checked where it is given, also one that another overrides, and a
wrong one stops the start with a line that says where it stands, which key it is, what was
expected and what was found.
"""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import msgspec

from deskwire.daemon import paths as places
from deskwire.daemon.config.settings import Settings
from deskwire.daemon.config.sources import (
    SECTIONS,
    TYPES,
    BadSetting,
    ConfigValue,
    Key,
    from_environ,
    from_file,
    from_flags,
    plain,
    shown,
)

__all__ = ["BadSetting", "Settings", "load"]


def load(
    flags: Mapping[str, Mapping[str, Any]], environ: Mapping[str, str], file: Path | None
) -> Settings:
    """Return the settings; `flags` is `{section: {key: value}}`, where `None` is not given.

    `file` is what `--config` named and must exist; `None` is the usual place, which need not.
    Paths come out absolute. Raises `BadSetting`.
    """
    values: dict[Key, Any] = {Key("server", "state_dir"): places.state_dir(environ)}
    where: dict[Key, str] = {}
    for given in (*from_file(file, environ), *from_environ(environ), *from_flags(flags)):
        values[given.key] = checked(given, environ)
        where[given.key] = given.where
    sections: dict[str, Any] = {
        section: struct(**{key.key: value for key, value in values.items() if key[0] == section})
        for section, struct in SECTIONS.items()
    }
    settings = Settings(**sections)
    agree(settings, where)
    return settings


def checked(given: ConfigValue, environ: Mapping[str, str]) -> Any:
    """Return the value as the setting's type, or raise what was expected."""
    hint = TYPES[given.key]
    kind = plain(hint)
    value = given.value
    if kind is Path or kind == Path | None:
        if value == "" and kind is not Path:
            return None
        if isinstance(value, str | Path) and str(value) and "\0" not in str(value):
            return places.whole(Path(value), environ)
        raise wrong(given)
    try:
        value = msgspec.convert(value, hint)
    except msgspec.ValidationError:
        raise wrong(given) from None
    if given.key == ("server", "public_url"):
        return value.rstrip("/")
    if given.key == ("server", "trusted_proxies") and not all(map(is_network, value)):
        raise wrong(given)
    if given.key == ("server", "host") and ":" in value and not is_network(value):
        raise wrong(given)
    return value


def agree(settings: Settings, where: Mapping[Key, str]) -> None:
    """Raise `BadSetting` where two settings contradict each other.

    A warning longer than the lifetime is no contradiction: it is then given at once.
    """
    server = settings.server

    def refuse(section: str, key: str, message: str) -> None:
        given = where.get(Key(section, key), "default")
        raise BadSetting(f"{given}: {section}.{key}: {message}")

    if server.certificate is not None and server.key is None:
        refuse("server", "certificate", "expected server.key beside it, found none")
    if server.key is not None and server.certificate is None:
        refuse("server", "key", "expected server.certificate beside it, found none")
    if not server.tls and not server.behind_proxy and not is_loopback(server.host):
        refuse(
            "server",
            "tls",
            "off is for a loopback address or for server.behind_proxy = true, "
            f'found server.host = "{server.host}"',
        )


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach what listens on `host`."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_network(text: str) -> bool:
    """Tell whether it is an IP address or a network of them."""
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def wrong(given: ConfigValue) -> BadSetting:
    """Make the line that says what was expected and what was found."""
    expected = next(
        each.description
        for each in get_args(TYPES[given.key])
        if isinstance(each, msgspec.Meta) and each.description
    )
    return BadSetting(
        f"{given.where}: {given.key}: expected {expected}, found {shown(given.value)}"
    )
