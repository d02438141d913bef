"""Where things are on this desk, from the environment: folders and the addresses of the buses.

Folders are those of the XDG Base Directory Specification 0.8: a variable that is unset, empty or
not absolute counts for nothing. Bus addresses are found as every desktop program finds them: the
variable, else the socket's usual place (D-Bus Specification, "Well-known Message Bus Instances";
sd_bus_default_user(3) for $XDG_RUNTIME_DIR/bus).
"""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

USER_FOLDERS = Path("/run/user")
SYSTEM_BUS_SOCKETS = (Path("/run/dbus/system_bus_socket"), Path("/var/run/dbus/system_bus_socket"))


def config_file(environ: Mapping[str, str]) -> Path:
    """Return where the settings are unless `--config` says otherwise; it need not exist."""
    return _folder(environ, "XDG_CONFIG_HOME", ".config") / "deskwire" / "config.toml"


def state_dir(environ: Mapping[str, str]) -> Path:
    """Return where users, logins, keys and the certificate are unless a setting says otherwise."""
    return _folder(environ, "XDG_STATE_HOME", ".local/state") / "deskwire"


def cache_dir(environ: Mapping[str, str]) -> Path:
    """Return where what can be made again is kept: pictures that are not files."""
    return _folder(environ, "XDG_CACHE_HOME", ".cache") / "deskwire"


def session_bus(environ: Mapping[str, str], *, uid: int | None = None) -> str | None:
    """Return the session bus's address, or `None` where there is no sign of one."""
    if address := environ.get("DBUS_SESSION_BUS_ADDRESS"):
        return address
    usual = USER_FOLDERS / str(os.getuid() if uid is None else uid)
    socket = (_absolute(environ, "XDG_RUNTIME_DIR") or usual) / "bus"
    return _unix(socket) if _is_socket(socket) else None


def system_bus(environ: Mapping[str, str]) -> str:
    """Return the system bus's address; whether anybody listens there is not looked at."""
    if address := environ.get("DBUS_SYSTEM_BUS_ADDRESS"):
        return address
    return _unix(next(filter(_is_socket, SYSTEM_BUS_SOCKETS), SYSTEM_BUS_SOCKETS[0]))


def has_system_bus(environ: Mapping[str, str]) -> bool:
    """Tell whether there is any sign of a system bus."""
    named = bool(environ.get("DBUS_SYSTEM_BUS_ADDRESS"))
    return named or any(map(_is_socket, SYSTEM_BUS_SOCKETS))


def home(environ: Mapping[str, str]) -> Path:
    """Return the person's home folder: `HOME`, else what the password database says.

    A user it does not know, as in a container, has none: that is the root folder.
    """
    try:
        return _absolute(environ, "HOME") or Path.home()
    except RuntimeError:
        return Path("/")


def whole(path: Path, environ: Mapping[str, str]) -> Path:
    """Return `path` absolute, a leading `~` being the home; a relative one counts from here."""
    if path.parts[:1] == ("~",):
        return home(environ).joinpath(*path.parts[1:])
    return path.absolute()


def _folder(environ: Mapping[str, str], variable: str, usual: str) -> Path:
    return _absolute(environ, variable) or home(environ) / usual


def _absolute(environ: Mapping[str, str], variable: str) -> Path | None:
    path = Path(environ.get(variable, ""))
    return path if path.is_absolute() else None


def _is_socket(path: Path) -> bool:
    try:
        return path.is_socket()
    except OSError:  # a folder on the way is somebody else's
        return False


def _unix(socket: Path) -> str:
    return "unix:path=" + quote(str(socket), safe="/*")
