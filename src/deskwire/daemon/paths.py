"""Where things are on this desk, from the environment: folders, the buses, the sound server.

Folders are those of the XDG Base Directory Specification 0.8: a variable that is unset, empty or
not absolute counts for nothing. Bus addresses are found as every desktop program finds them: the
variable, else the socket's usual place (D-Bus Specification, "Well-known Message Bus Instances";
sd_bus_default_user(3) for $XDG_RUNTIME_DIR/bus). So is the sound server: pulseaudio(1) and
pulse-client.conf(5).
"""

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from deskwire.devices.sound.address import SoundServers

USER_FOLDERS = Path("/run/user")
SYSTEM_SOUND = Path("/run/pulse/native")
PULSE_SETTINGS = Path("/etc/pulse/client.conf")
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
    socket = _runtime(environ, uid) / "bus"
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


def sound(environ: Mapping[str, str], *, settings: Path = PULSE_SETTINGS) -> SoundServers:
    """Return where a sound server may be, and the cookie it may ask for; nothing need exist.

    Reads files, so it blocks.
    """
    pulse = _folder(environ, "XDG_CONFIG_HOME", ".config") / "pulse"
    own = _absolute(environ, "PULSE_CLIENTCONFIG") or pulse / "client.conf"
    told = _pulse_settings(own if os.access(own, os.R_OK) else settings)
    runtime = _absolute(environ, "PULSE_RUNTIME_PATH") or _runtime(environ) / "pulse"
    usual = f"unix:{runtime / 'native'} unix:{SYSTEM_SOUND}"
    cookie = environ.get("PULSE_COOKIE") or told.get("cookie-file") or str(pulse / "cookie")
    return SoundServers(
        environ.get("PULSE_SERVER") or told.get("default-server") or usual,
        whole(Path(cookie), environ),
    )


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


def _runtime(environ: Mapping[str, str], uid: int | None = None) -> Path:
    usual = USER_FOLDERS / str(os.getuid() if uid is None else uid)
    return _absolute(environ, "XDG_RUNTIME_DIR") or usual


def _pulse_settings(file: Path) -> dict[str, str]:
    """Read pulse-client.conf(5): a file, then those of the folder beside it in their order."""
    told: dict[str, str] = {}
    for each in (file, *sorted(file.with_name(f"{file.name}.d").glob("*.conf"))):
        with suppress(OSError):
            told |= parse_pulse_settings(each.read_text(encoding="utf-8", errors="replace"))
    return told


def parse_pulse_settings(text: str) -> dict[str, str]:
    """Read lines of `key = value`; after `;` or `#` stands a comment, and no value is no line."""
    lines = (re.split("[;#]", line, maxsplit=1)[0] for line in text.splitlines())
    pairs = (line.partition("=") for line in lines)
    return {key.strip(): value.strip() for key, _, value in pairs if value.strip()}


def _is_socket(path: Path) -> bool:
    try:
        return path.is_socket()
    except OSError:  # a folder on the way is somebody else's
        return False


def _unix(socket: Path) -> str:
    return "unix:path=" + quote(str(socket), safe="/*")
