"""Settings: one struct for each section, and for each key its type, bounds and default.

The `Meta` of a type is both the check and, in its description, the expected value in an error
message. Here a path may begin with `~`; `config.load` returns absolute paths. This module reads
neither files nor the environment.
"""

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from deskwire.devices.catalogue import DEVICES
from deskwire.model.units import Seconds

DEVICE_NAMES = tuple(DEVICES)

YesNo = Annotated[bool, Meta(description="true or false")]
Port = Annotated[int, Meta(ge=0, le=65535, description="a whole number from 0 to 65535")]
Count = Annotated[int, Meta(ge=1, le=1_000_000, description="a whole number of at least 1")]
Interval = Annotated[
    Seconds, Meta(ge=0.05, le=3600.0, description="a number of seconds from 0.05 to 3600")
]
Span = Annotated[
    Seconds,
    Meta(gt=0.0, le=31_622_400.0, description="a number of seconds above 0, at most a year"),
]
SpanOrNone = Annotated[
    Seconds, Meta(ge=0.0, le=31_622_400.0, description="a number of seconds, 0 to a year")
]
Host = Annotated[
    str,
    Meta(
        pattern=r"^([A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%[\w.-]+)?)\Z",
        description="an address or a host name, without a port",
    ),
]
PublicUrl = Annotated[
    str,
    Meta(
        pattern=r"^(https?://[^\s/?#]+(/[^\s?#]*)?)?\Z",
        description='the desk\'s address as others see it ("https://desk.example"), or ""',
    ),
]
Hosts = Annotated[
    tuple[Annotated[str, Meta(pattern=r"^[^\s/,]+\Z")], ...],
    Meta(description='a list of host names, each with or without a port ("desk.example")'),
]
ORIGIN = r"^[a-z][a-z0-9+.-]*://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?\Z"
Origins = Annotated[
    tuple[Annotated[str, Meta(pattern=ORIGIN)], ...],
    Meta(description='a list of origins, scheme and host ("https://panel.example")'),
]
Networks = Annotated[
    tuple[str, ...],
    Meta(description='a list of IP addresses or networks ("10.0.0.2", "192.168.1.0/24")'),
]
DeviceNames = Annotated[
    frozenset[Annotated[str, Meta(pattern=f"^({'|'.join(DEVICE_NAMES)})\\Z")]],
    Meta(description=f"a list of devices, out of {', '.join(DEVICE_NAMES)}"),
]
AnyPath = Annotated[Path, Meta(description="a path")]
PathOrNone = Annotated[Path | None, Meta(description='a path, or ""')]


class Server(Struct, frozen=True, forbid_unknown_fields=True):
    """Network address, TLS, allowed hosts and origins, and the state directory."""

    host: Host = "0.0.0.0"  # noqa: S104 - clients are on other machines; TLS is on
    port: Port = 8765
    """0 chooses a free port."""
    tls: YesNo = True
    certificate: PathOrNone = None
    """PEM file with the chain; with `None` the desk creates its own certificate."""
    key: PathOrNone = None
    public_url: PublicUrl = ""
    """Without a trailing slash."""
    allowed_hosts: Hosts = ()
    allowed_origins: Origins = ()
    state_dir: AnyPath = Path("~/.local/state/deskwire")
    behind_proxy: YesNo = False
    trusted_proxies: Networks = ()
    """Proxies whose forwarded client address and scheme are used."""


class Session(Struct, frozen=True, forbid_unknown_fields=True):
    """Lifetimes and limits of sessions and logins."""

    lifetime: Span = Seconds(1200.0)
    """Lifetime of a WebSocket token, and so of a session."""
    warning: SpanOrNone = Seconds(240.0)
    """Time between the `session expiring` message and the end."""
    auth_timeout: Span = Seconds(10.0)
    login_lifetime: Span = Seconds(604_800.0)
    max_sockets: Count = 256
    max_sockets_per_user: Count = 16
    max_unauthenticated: Count = 64


class Stats(Struct, frozen=True, forbid_unknown_fields=True):
    """Interval of the readings, and the mount point of the disk."""

    interval: Interval = Seconds(1.0)
    disk: AnyPath = Path("/")


class Devices(Struct, frozen=True, forbid_unknown_fields=True):
    """Kernel file systems, and the devices that are disabled."""

    proc: AnyPath = Path("/proc")
    sys: AnyPath = Path("/sys")
    disabled: DeviceNames = frozenset()


class Art(Struct, frozen=True, forbid_unknown_fields=True):
    """Cover pictures of players."""

    public: YesNo = False
    """Whether a client needs no token to get them."""
    fetch_remote: YesNo = False
    """Whether pictures with an http URL are downloaded."""


class Compat(Struct, frozen=True, forbid_unknown_fields=True):
    """Compatibility with existing clients."""

    literal_event_names: YesNo = False
    """Whether `session expiring ` is sent with a trailing space, as in the protocol's example."""


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """All sections."""

    server: Server = Server()
    session: Session = Session()
    stats: Stats = Stats()
    devices: Devices = Devices()
    art: Art = Art()
    compat: Compat = Compat()


RELOADABLE = frozenset(
    {
        "server.certificate",
        "server.key",
        "server.public_url",
        "server.allowed_hosts",
        "server.allowed_origins",
        "server.trusted_proxies",
        "session.warning",
        "session.auth_timeout",
        "session.max_sockets",
        "session.max_sockets_per_user",
        "session.max_unauthenticated",
        "compat.literal_event_names",
    }
)
"""Settings that SIGHUP applies; an open socket keeps the values it was opened with."""
