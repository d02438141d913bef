import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deskwire.daemon.config.load import BadSetting, is_loopback, load
from deskwire.daemon.config.settings import Server, Settings
from deskwire.devices.catalogue import DEVICES

HOME = {"HOME": "/home/ann"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def refusal(flags: Any = None, environ: Any = None, file: Path | None = None) -> str:
    with pytest.raises(BadSetting) as raised:
        load(flags or {}, HOME | (environ or {}), file)
    assert "\n" not in raised.value.message
    return raised.value.message


def test_settings_without_a_source_have_the_defaults() -> None:
    settings = load({}, HOME, None)

    assert settings == Settings(server=Server(state_dir=Path("/home/ann/.local/state/deskwire")))
    assert (settings.server.host, settings.server.port, settings.server.tls) == (
        "0.0.0.0",
        8765,
        True,
    )
    assert (settings.session.lifetime, settings.session.warning) == (1200.0, 240.0)
    assert (settings.stats.interval, settings.stats.disk) == (1.0, Path("/"))
    assert (settings.devices.proc, settings.devices.sys) == (Path("/proc"), Path("/sys"))


def test_flag_wins_over_variable_and_variable_over_file(file: Path) -> None:
    file.write_text("[server]\nport = 1\nhost = '127.0.0.1'\n[stats]\ninterval = 2\n")
    environ = HOME | {"DESKWIRE_SERVER_PORT": "2", "DESKWIRE_SERVER_HOST": "127.0.0.2"}

    settings = load({"server": {"port": 3, "host": None}}, environ, file)

    assert settings.server.port == 3
    assert settings.server.host == "127.0.0.2"
    assert settings.stats.interval == 2.0


def test_complete_file_is_loaded(file: Path) -> None:
    file.write_text(
        """
        [server]
        host = "::1"
        port = 0
        tls = true
        certificate = "~/desk.pem"
        key = "~/desk.key"
        public_url = "https://desk.example/"
        allowed_hosts = ["desk.example", "desk:8765"]
        allowed_origins = ["https://panel.example"]
        state_dir = "/srv/desk"
        behind_proxy = true
        trusted_proxies = ["10.0.0.1", "fd00::/8"]
        [session]
        lifetime = 60
        warning = 5.5
        max_sockets = 1
        [devices]
        disabled = ["wifi"]
        [art]
        public = true
        [compat]
        literal_event_names = true
        """
    )

    settings = load({}, HOME, file)

    assert settings.server == Server(
        host="::1",
        port=0,
        certificate=Path("/home/ann/desk.pem"),
        key=Path("/home/ann/desk.key"),
        public_url="https://desk.example",
        allowed_hosts=("desk.example", "desk:8765"),
        allowed_origins=("https://panel.example",),
        state_dir=Path("/srv/desk"),
        behind_proxy=True,
        trusted_proxies=("10.0.0.1", "fd00::/8"),
    )
    assert (settings.session.lifetime, settings.session.warning) == (60.0, 5.5)
    assert settings.session.max_sockets == 1
    assert settings.devices.disabled == {"wifi"}
    assert settings.art.public
    assert settings.compat.literal_event_names


def test_empty_certificate_selects_the_desks_own(file: Path) -> None:
    file.write_text('[server]\ncertificate = ""\nkey = ""\n')

    assert load({}, HOME, file).server.certificate is None


def test_list_in_the_environment_is_separated_by_commas() -> None:
    settings = load({}, HOME | {"DESKWIRE_DEVICES_DISABLED": "wifi,players"}, None)

    assert settings.devices.disabled == {"wifi", "players"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "server.port = 65536",
            "server.port: expected a whole number from 0 to 65535, found 65536",
        ),
        ("server.port = -1", "server.port: expected a whole number from 0 to 65535, found -1"),
        ("server.port = true", "server.port: expected a whole number from 0 to 65535, found true"),
        ("server.port = 1.5", "server.port: expected a whole number from 0 to 65535, found 1.5"),
        ('server.tls = "no"', 'server.tls: expected true or false, found "no"'),
        ('server.state_dir = ""', 'server.state_dir: expected a path, found ""'),
        ("stats.disk = 1", "stats.disk: expected a path, found 1"),
        (
            "stats.interval = nan",
            "stats.interval: expected a number of seconds from 0.05 to 3600, found nan",
        ),
        (
            "stats.interval = 0",
            "stats.interval: expected a number of seconds from 0.05 to 3600, found 0",
        ),
        (
            "session.lifetime = 0",
            "session.lifetime: expected a number of seconds above 0, at most a year, found 0",
        ),
        (
            "session.max_sockets = 0",
            "session.max_sockets: expected a whole number of at least 1, found 0",
        ),
    ],
)
def test_wrong_value_is_refused_with_its_line_and_the_expected_value(
    file: Path, line: str, message: str
) -> None:
    file.write_text(line)

    assert refusal(file=file) == f"{file}:1: {message}"


def test_unknown_device_is_refused_with_the_known_ones() -> None:
    assert refusal(environ={"DESKWIRE_DEVICES_DISABLED": "wfi"}) == (
        "DESKWIRE_DEVICES_DISABLED: devices.disabled: expected a list of devices, out of "
        f'{", ".join(DEVICES)}, found ["wfi"]'
    )


@pytest.mark.parametrize(
    "line",
    [
        'server.host = ""',
        'server.host = "desk:80"',
        'server.host = "[::1]"',
        'server.host = "desk..example"',
        'server.public_url = "desk.example"',
        'server.public_url = "ftp://desk.example"',
        'server.allowed_hosts = ["https://desk.example"]',
        'server.allowed_hosts = "desk.example"',
        'server.allowed_origins = ["panel.example"]',
        'server.allowed_origins = ["null"]',
        'server.trusted_proxies = ["proxy.example"]',
        "session.login_lifetime = inf",
        "session.warning = -1",
    ],
)
def test_value_outside_its_bounds_is_refused(file: Path, line: str) -> None:
    file.write_text(line)
    key = line.partition(" ")[0]

    assert refusal(file=file).startswith(f"{file}:1: {key}: expected ")


def test_wrong_variable_is_named() -> None:
    assert refusal(environ={"DESKWIRE_SERVER_PORT": "many"}) == (
        'DESKWIRE_SERVER_PORT: server.port: expected a whole number from 0 to 65535, found "many"'
    )


def test_wrong_flag_is_named() -> None:
    assert refusal({"server": {"port": 99_999}}) == (
        "--port: server.port: expected a whole number from 0 to 65535, found 99999"
    )


def test_wrong_value_is_refused_even_if_overridden(file: Path) -> None:
    file.write_text("server.port = 'x'")

    assert refusal({"server": {"port": 1}}, file=file).startswith(f"{file}:1: server.port")


def test_tls_can_be_off_only_on_loopback_or_behind_a_proxy() -> None:
    off = {"server": {"tls": False}}

    assert refusal(off) == (
        "--no-tls: server.tls: false is allowed only with a loopback address "
        'or server.behind_proxy = true, found server.host = "0.0.0.0"'
    )
    assert not load(off, HOME | {"DESKWIRE_SERVER_HOST": "127.0.0.1"}, None).server.tls
    assert not load(off, HOME | {"DESKWIRE_SERVER_BEHIND_PROXY": "1"}, None).server.tls


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.2", False),
        ("localhost.example", False),
    ],
)
def test_loopback_address_is_recognised(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


@pytest.mark.parametrize("environ", [{}, {"DESKWIRE_SESSION_WARNING": "240"}])
def test_lifetime_may_be_shorter_than_the_warning(environ: dict[str, str]) -> None:
    session = load({}, HOME | {"DESKWIRE_SESSION_LIFETIME": "5"} | environ, None).session

    assert (session.lifetime, session.warning) == (5.0, 240.0)


@pytest.mark.parametrize(("one", "other"), [("certificate", "key"), ("key", "certificate")])
def test_certificate_without_its_key_is_refused(one: str, other: str) -> None:
    assert refusal({"server": {one: "/x.pem"}}) == (
        f"--{one}: server.{one}: expected server.{other} as well, found none"
    )


def test_settings_import_no_heavy_module() -> None:
    code = "import sys, deskwire.daemon.config.load; print(*sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()

    assert "deskwire.daemon.config.load" in loaded
    assert not {"aiohttp", "asyncio", "cryptography", "dbus_fast", "jwt", "typer"} & set(loaded)
