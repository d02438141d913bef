"""Paths and addresses from the environment: directories, buses and sound servers.

Directories follow the XDG Base Directory Specification 0.8, in which a variable that is unset,
empty or not absolute has no effect. A bus address is the variable, or else the usual socket (D-Bus
Specification, "Well-known Message Bus Instances"; sd_bus_default_user(3) for $XDG_RUNTIME_DIR/bus).
The sound server is found as pulseaudio(1) and pulse-client.conf(5) describe.
"""

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from deskwire.devices.sound.address import SoundServers

RUNTIME_DIRECTORIES = Path("/run/user")
SYSTEM_SOUND = Path("/run/pulse/native")
PULSE_SETTINGS = Path("/etc/pulse/client.conf")
SYSTEM_BUS_SOCKETS = (Path("/run/dbus/system_bus_socket"), Path("/var/run/dbus/system_bus_socket"))


def config_file(environ: Mapping[str, str]) -> Path:
    """Return the settings file that is used without `--config`; it need not exist."""
    return _xdg_directory(environ, "XDG_CONFIG_HOME", ".config") / "deskwire" / "config.toml"


def state_dir(environ: Mapping[str, str]) -> Path:
    """Return the default directory of users, logins, keys, certificate and saved desks."""
    return _xdg_directory(environ, "XDG_STATE_HOME", ".local/state") / "deskwire"


def cache_dir(environ: Mapping[str, str]) -> Path:
    """Return the directory of files that can be created again: downloaded pictures."""
    return _xdg_directory(environ, "XDG_CACHE_HOME", ".cache") / "deskwire"


def session_bus(environ: Mapping[str, str], *, uid: int | None = None) -> str | None:
    """Return the address of the session bus, or `None` if there is none."""
    if address := environ.get("DBUS_SESSION_BUS_ADDRESS"):
        return address
    socket = _runtime_directory(environ, uid) / "bus"
    return _unix_address(socket) if _is_socket(socket) else None


def system_bus(environ: Mapping[str, str]) -> str:
    """Return the address of the system bus, which need not exist."""
    if address := environ.get("DBUS_SYSTEM_BUS_ADDRESS"):
        return address
    return _unix_address(next(filter(_is_socket, SYSTEM_BUS_SOCKETS), SYSTEM_BUS_SOCKETS[0]))


def has_system_bus(environ: Mapping[str, str]) -> bool:
    """Return whether the environment names a system bus or its socket exists."""
    named = bool(environ.get("DBUS_SYSTEM_BUS_ADDRESS"))
    return named or any(map(_is_socket, SYSTEM_BUS_SOCKETS))


def sound(environ: Mapping[str, str], *, settings: Path = PULSE_SETTINGS) -> SoundServers:
    """Return the possible sound servers and their cookie file, which need not exist.

    Blocks, because it reads files.
    """
    pulse = _xdg_directory(environ, "XDG_CONFIG_HOME", ".config") / "pulse"
    own = _absolute(environ, "PULSE_CLIENTCONFIG") or pulse / "client.conf"
    configured = _read_pulse_settings(own if os.access(own, os.R_OK) else settings)
    runtime = _absolute(environ, "PULSE_RUNTIME_PATH") or _runtime_directory(environ) / "pulse"
    usual = f"unix:{runtime / 'native'} unix:{SYSTEM_SOUND}"
    cookie = environ.get("PULSE_COOKIE") or configured.get("cookie-file") or str(pulse / "cookie")
    return SoundServers(
        environ.get("PULSE_SERVER") or configured.get("default-server") or usual,
        absolute_path(Path(cookie), environ),
    )


def home(environ: Mapping[str, str]) -> Path:
    """Return the home directory: `HOME`, or else that of the password database.

    A user without an entry there, as in a container, has none; then it is the root directory.
    """
    try:
        return _absolute(environ, "HOME") or Path.home()
    except RuntimeError:
        return Path("/")


def absolute_path(path: Path, environ: Mapping[str, str]) -> Path:
    """Return an absolute path; a leading `~` is the home directory."""
    if path.parts[:1] == ("~",):
        return home(environ).joinpath(*path.parts[1:])
    return path.absolute()


def parse_pulse_settings(text: str) -> dict[str, str]:
    """Return the `key = value` lines; `;` and `#` start a comment, an empty value is ignored."""
    lines = (re.split("[;#]", line, maxsplit=1)[0] for line in text.splitlines())
    pairs = (line.partition("=") for line in lines)
    return {key.strip(): value.strip() for key, _, value in pairs if value.strip()}


def _read_pulse_settings(file: Path) -> dict[str, str]:
    """Read a pulse-client.conf(5), then the files of the directory beside it in order."""
    settings: dict[str, str] = {}
    for each in (file, *sorted(file.with_name(f"{file.name}.d").glob("*.conf"))):
        with suppress(OSError):
            settings |= parse_pulse_settings(each.read_text(encoding="utf-8", errors="replace"))
    return settings


def _xdg_directory(environ: Mapping[str, str], variable: str, default: str) -> Path:
    return _absolute(environ, variable) or home(environ) / default


def _absolute(environ: Mapping[str, str], variable: str) -> Path | None:
    path = Path(environ.get(variable, ""))
    return path if path.is_absolute() else None


def _runtime_directory(environ: Mapping[str, str], uid: int | None = None) -> Path:
    default = RUNTIME_DIRECTORIES / str(os.getuid() if uid is None else uid)
    return _absolute(environ, "XDG_RUNTIME_DIR") or default


def _is_socket(path: Path) -> bool:
    try:
        return path.is_socket()
    except OSError:  # a directory on the way belongs to another user
        return False


def _unix_address(socket: Path) -> str:
    return "unix:path=" + quote(str(socket), safe="/*")
