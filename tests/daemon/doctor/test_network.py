import datetime as dt
import http.server
import shutil
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from deskwire.daemon.config.settings import Server
from deskwire.daemon.doctor.health import CheckFailed, Condition
from deskwire.daemon.doctor.network import certificate, port
from deskwire.server.net.certificates import fingerprint, server_context
from deskwire.server.net.self_signed import make_certificate

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "tls"
    make_certificate(folder, ["localhost"], NOW)
    return folder


@pytest.fixture
def state(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "tls")
    return tmp_path


def refused(look: Callable[[Server], str], server: Server) -> CheckFailed:
    with pytest.raises(CheckFailed) as raised:
        look(server)
    return raised.value


def test_own_certificate_is_reported_with_its_end_and_fingerprint(state: Path) -> None:
    found = certificate(Server(state_dir=state))
    path = state / "tls/certificate.pem"
    end = (NOW + dt.timedelta(days=365)).astimezone().date()

    assert found == f"{path}, valid until {end}, SHA-256 {fingerprint(path)}"


def test_certificate_before_the_first_start_is_absent(tmp_path: Path) -> None:
    found = refused(certificate, Server(state_dir=tmp_path))

    assert found.condition is Condition.ABSENT
    assert "the first start creates it" in found.why


def test_certificate_without_tls_is_disabled() -> None:
    server = Server(host="127.0.0.1", tls=False)

    assert refused(certificate, server).condition is Condition.DISABLED


def test_missing_configured_certificate_is_unavailable(tmp_path: Path) -> None:
    server = Server(certificate=tmp_path / "desk.pem", key=tmp_path / "desk.key")
    found = refused(certificate, server)

    assert found.condition is Condition.UNAVAILABLE
    assert f"{tmp_path}/desk.pem" in found.why
    assert "No such file" in found.why


def test_key_that_others_can_read_is_unsafe(state: Path) -> None:
    key = state / "tls/key.pem"
    key.chmod(0o644)
    found = refused(certificate, Server(state_dir=state))

    assert found.condition is Condition.UNSAFE
    assert found.why == f"other users can read the key {key}"
    assert found.remedy == f"chmod 600 {key}"
    assert "SHA-256" in found.found


def test_key_of_another_certificate_is_unavailable(state: Path, tmp_path: Path) -> None:
    make_certificate(tmp_path / "other", ["localhost"], NOW)
    shutil.copy(tmp_path / "other/key.pem", state / "tls/key.pem")
    found = refused(certificate, Server(state_dir=state))

    assert found.condition is Condition.UNAVAILABLE
    assert str(state / "tls/key.pem") in found.why


def test_file_without_a_certificate_is_unavailable(state: Path) -> None:
    (state / "tls/certificate.pem").write_text("nothing")

    assert refused(certificate, Server(state_dir=state)).condition is Condition.UNAVAILABLE


def test_expired_certificate_is_unavailable(tmp_path: Path) -> None:
    make_certificate(tmp_path / "tls", ["localhost"], NOW - dt.timedelta(days=400))
    own = refused(certificate, Server(state_dir=tmp_path))
    chosen = Server(certificate=tmp_path / "tls/certificate.pem", key=tmp_path / "tls/key.pem")

    assert own.condition is Condition.UNAVAILABLE
    assert own.why.startswith("the certificate expired on ")
    assert own.remedy == "restart deskwire"
    assert refused(certificate, chosen).remedy == "renew the certificate"


class Health(http.server.BaseHTTPRequestHandler):
    answer = b'{"object":"health","data":{"status":"ok"}}'

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, *_: object) -> None:
        pass


class Other(Health):
    answer = b"<html>welcome</html>"


@contextmanager
def served(
    answers: type[Health], context: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> Iterator[int]:
    with http.server.ThreadingHTTPServer((host, 0), answers) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def on(number: int, *, host: str = "127.0.0.1", tls: bool = False) -> Server:
    return Server(host=host, port=number, tls=tls)


@pytest.fixture
def free() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as bound:
        number: int = bound.getsockname()[1]
    return number


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])
def test_unused_port_is_free(free: int, host: str) -> None:
    assert port(on(free, host=host)) == f"{host} port {free}: free"
    assert port(on(free, host=host)) == f"{host} port {free}: free"


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_port_of_a_running_deskwire_is_ok(host: str) -> None:
    with served(Health, host=host) as number:
        assert port(on(number, host=host)) == f"{host} port {number}: a running deskwire uses it"


def test_running_deskwire_is_recognised_through_tls(made: Path) -> None:
    context = server_context(made / "certificate.pem", made / "key.pem")
    with served(Health, context) as number:
        assert port(on(number, tls=True)).endswith("a running deskwire uses it")


def test_port_of_another_program_is_unavailable() -> None:
    with served(Other) as number:
        found = refused(port, on(number))

    assert found.condition is Condition.UNAVAILABLE
    assert found.why == f"127.0.0.1 port {number}: another program uses it"
    assert "server.port" in found.remedy


def test_port_of_a_silent_program_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deskwire.daemon.doctor.network.HEALTH_TIMEOUT", 0.1)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        number = silent.getsockname()[1]

        assert refused(port, on(number)).why.endswith("another program uses it")
        assert refused(port, on(number, tls=True)).why.endswith("another program uses it")


def test_address_of_another_machine_is_unavailable() -> None:
    found = refused(port, on(0, host="192.0.2.1"))

    assert found.condition is Condition.UNAVAILABLE
    assert found.why == "192.0.2.1 port 0: Cannot assign requested address"


def test_plain_http_on_the_network_is_unsafe() -> None:
    server = Server(host="0.0.0.0", tls=False, behind_proxy=True)
    found = refused(certificate, server)

    assert found.condition is Condition.UNSAFE
    assert "passwords cross the network" in found.why


def test_certificate_that_is_not_valid_yet_points_to_the_clock(tmp_path: Path) -> None:
    make_certificate(tmp_path / "tls", ["localhost"], NOW + dt.timedelta(days=3))
    found = refused(certificate, Server(state_dir=tmp_path))

    assert found.condition is Condition.UNAVAILABLE
    assert found.why.startswith("the certificate is valid from ")
    assert found.remedy == "set the clock"
