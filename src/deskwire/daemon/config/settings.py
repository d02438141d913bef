"""Every setting: one struct a section, each key with its type, its bounds and its default.

A type's `Meta` is both the check and, in its description, the words a person reads when a value
is wrong, so the two cannot drift apart. Paths have their `~` still in them here; `config.load`
gives whole ones. Nothing here reads a file or the environment.
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
Origins = Annotated[
    tuple[Annotated[str, Meta(pattern=r"^[a-z][a-z0-9+.-]*://[^\s/,]+\Z")], ...],
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
    """The door: where it listens, how it is reached, what it keeps."""

    host: Host = "0.0.0.0"  # noqa: S104 - a desk is looked at from other machines; TLS is on
    port: Port = 8765
    """0 picks a free one."""
    tls: YesNo = True
    certificate: PathOrNone = None
    """PEM, the chain included; `None`: one of the desk's own making."""
    key: PathOrNone = None
    public_url: PublicUrl = ""
    """Without a slash at its end."""
    allowed_hosts: Hosts = ()
    allowed_origins: Origins = ()
    state_dir: AnyPath = Path("~/.local/state/deskwire")
    behind_proxy: YesNo = False
    trusted_proxies: Networks = ()
    """Who may name the client and the scheme."""


class Session(Struct, frozen=True, forbid_unknown_fields=True):
    """How long things last, and how many there may be."""

    lifetime: Span = Seconds(1200.0)
    """Of a websocket token, and so of a connection."""
    warning: SpanOrNone = Seconds(240.0)
    """How long before the end `session expiring` is sent."""
    auth_timeout: Span = Seconds(10.0)
    login_lifetime: Span = Seconds(604_800.0)
    max_sockets: Count = 256
    max_sockets_per_user: Count = 16
    max_unauthenticated: Count = 64


class Stats(Struct, frozen=True, forbid_unknown_fields=True):
    """How often the desk is read, and which mount."""

    interval: Interval = Seconds(1.0)
    disk: AnyPath = Path("/")


class Devices(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the kernel tells of the hardware, and what is left out."""

    proc: AnyPath = Path("/proc")
    sys: AnyPath = Path("/sys")
    disabled: DeviceNames = frozenset()


class Art(Struct, frozen=True, forbid_unknown_fields=True):
    """Cover pictures."""

    public: YesNo = False
    """Served without a token."""
    fetch_remote: YesNo = False
    """Pictures that a player names by http are fetched."""


class Compat(Struct, frozen=True, forbid_unknown_fields=True):
    """Concessions to clients."""

    literal_event_names: YesNo = False
    """`session expiring ` is sent with the trailing space of the contract's example."""


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """All of them."""

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
"""What SIGHUP takes anew; sockets that are open keep what they began with."""
