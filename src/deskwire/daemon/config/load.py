"""Settings of this desk: command line, then environment, then file, then default.

Each value is checked at its source, even if a stronger source overrides it. A wrong value stops the
start with a line that names its place, its key, the expected and the found value.
"""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import msgspec

from deskwire.daemon import paths
from deskwire.daemon.config.settings import Settings
from deskwire.daemon.config.sources import (
    SECTIONS,
    TYPES,
    BadSetting,
    ConfigValue,
    Key,
    base_type,
    display,
    from_environ,
    from_file,
    from_flags,
)

__all__ = ["BadSetting", "Settings", "load"]


def load(
    flags: Mapping[str, Mapping[str, Any]], environ: Mapping[str, str], file: Path | None
) -> Settings:
    """Return the settings; `flags` is `{section: {key: value}}`, with `None` for no option.

    `file` is the path of `--config` and must exist; `None` stands for the default path, which need
    not exist. The paths in the settings are absolute. Raises `BadSetting`.
    """
    values: dict[Key, Any] = {Key("server", "state_dir"): paths.state_dir(environ)}
    sources: dict[Key, str] = {}
    for found in (*from_file(file, environ), *from_environ(environ), *from_flags(flags)):
        values[found.key] = convert(found, environ)
        sources[found.key] = found.source
    sections: dict[str, Any] = {
        section: struct(**{key.key: value for key, value in values.items() if key[0] == section})
        for section, struct in SECTIONS.items()
    }
    settings = Settings(**sections)
    require_consistency(settings, sources)
    return settings


def convert(found: ConfigValue, environ: Mapping[str, str]) -> Any:
    """Return the value with the type of the setting; raises `BadSetting`."""
    hint = TYPES[found.key]
    kind = base_type(hint)
    value = found.value
    if kind is Path or kind == Path | None:
        if value == "" and kind is not Path:
            return None
        if isinstance(value, str | Path) and str(value) and "\0" not in str(value):
            return paths.absolute_path(Path(value), environ)
        raise invalid(found)
    try:
        value = msgspec.convert(value, hint)
    except msgspec.ValidationError:
        raise invalid(found) from None
    if found.key == ("server", "public_url"):
        return value.rstrip("/")
    if found.key == ("server", "trusted_proxies") and not all(map(is_network, value)):
        raise invalid(found)
    if found.key == ("server", "host") and ":" in value and not is_network(value):
        raise invalid(found)
    return value


def require_consistency(settings: Settings, sources: Mapping[Key, str]) -> None:
    """Raise `BadSetting` if two settings contradict each other.

    A warning longer than the lifetime is allowed: the warning is then sent at once.
    """
    server = settings.server

    def refuse(section: str, key: str, message: str) -> None:
        source = sources.get(Key(section, key), "default")
        raise BadSetting(f"{source}: {section}.{key}: {message}")

    if server.certificate is not None and server.key is None:
        refuse("server", "certificate", "expected server.key as well, found none")
    if server.key is not None and server.certificate is None:
        refuse("server", "key", "expected server.certificate as well, found none")
    if not server.tls and not server.behind_proxy and not is_loopback(server.host):
        refuse(
            "server",
            "tls",
            "false is allowed only with a loopback address or server.behind_proxy = true, "
            f'found server.host = "{server.host}"',
        )


def is_loopback(host: str) -> bool:
    """Return whether only this machine can connect to this host."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_network(text: str) -> bool:
    """Return whether the text is an IP address or a network."""
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def invalid(found: ConfigValue) -> BadSetting:
    """Return the problem that names the expected and the found value."""
    expected = next(
        each.description
        for each in get_args(TYPES[found.key])
        if isinstance(each, msgspec.Meta) and each.description
    )
    return BadSetting(
        f"{found.source}: {found.key}: expected {expected}, found {display(found.value)}"
    )
