"""Certificate policies, tested with real certificates."""

import datetime as dt
import hashlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from deskwire.client import CaFile, NotADesk, Timeouts, UntrustedCertificate, connect
from deskwire.client.problems import CertificateChanged, Unreachable
from deskwire.client.trust import Pinned, Trust, format_fingerprint, make_context, read_certificate
from deskwire.model.units import Seconds
from deskwire.server.net.self_signed import make_certificate
from tests.support.scripted_desk import PASSWORD, ScriptedDesk

OTHER = "ab" * 32


class Certificate(NamedTuple):
    """One a desk made for itself."""

    file: Path
    fingerprint: str
    context: ssl.SSLContext


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    folder = tmp_path_factory.mktemp("tls")
    make_certificate(folder, ["localhost", "127.0.0.1"], dt.datetime.now(dt.UTC))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    pem = (folder / "certificate.pem").read_bytes()
    der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    return Certificate(folder / "certificate.pem", hashlib.sha256(der).hexdigest(), context)


@pytest.fixture
async def there(certificate: Certificate) -> AsyncIterator[ScriptedDesk]:
    async with ScriptedDesk(certificate.context) as there:
        yield there


async def test_a_stranger_is_not_believed(there: ScriptedDesk) -> None:
    with pytest.raises(UntrustedCertificate, match="certificate"):
        await visit(there, None)

    assert there.requests == []


async def test_a_pinned_certificate_is_believed_on_every_connection(
    there: ScriptedDesk, certificate: Certificate
) -> None:
    await visit(there, Pinned(format_fingerprint(certificate.fingerprint)))

    assert len(there.sockets) == 1


async def test_other_certificate_is_refused_before_a_request(
    there: ScriptedDesk, certificate: Certificate
) -> None:
    with pytest.raises(CertificateChanged) as caught:
        await visit(there, Pinned(OTHER))

    assert caught.value.pinned == format_fingerprint(OTHER)
    assert caught.value.seen == format_fingerprint(certificate.fingerprint)
    assert there.requests == []


async def test_a_file_of_authorities_is_believed(
    there: ScriptedDesk, certificate: Certificate
) -> None:
    await visit(there, CaFile(certificate.file))

    assert len(there.sockets) == 1


async def test_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UntrustedCertificate, match=r"nowhere\.pem"):
        make_context(CaFile(tmp_path / "nowhere.pem"))


async def test_file_without_a_certificate_is_reported(tmp_path: Path) -> None:
    file = tmp_path / "empty.pem"
    file.write_text("nothing", encoding="ascii")

    with pytest.raises(UntrustedCertificate, match=r"empty\.pem: the file contains no certificate"):
        make_context(CaFile(file))


async def test_no_token_is_taken_from_tls_to_a_plain_socket(
    there: ScriptedDesk, certificate: Certificate
) -> None:
    there.socket_address = "ws://127.0.0.1:9/v1/monitor/desk/ws"

    with pytest.raises(NotADesk, match="wss"):
        await visit(there, Pinned(certificate.fingerprint))


async def test_a_certificate_can_be_looked_at_before_anything_is_said(
    there: ScriptedDesk, certificate: Certificate
) -> None:
    assert await read_certificate(there.address) == certificate.fingerprint
    assert there.requests == []


async def test_where_no_tls_is_there_is_no_certificate_to_look_at() -> None:
    async with ScriptedDesk() as plain:
        with pytest.raises(NotADesk, match="does not use TLS"):
            await read_certificate(f"https{plain.address[4:]}", within=Seconds(2))


async def test_refused_connection_is_reported_in_plain_words() -> None:
    with pytest.raises(Unreachable, match=r"^https://127\.0\.0\.1:9: Connection refused$"):
        await read_certificate("https://127.0.0.1:9")


@pytest.mark.parametrize(
    "written",
    [OTHER, OTHER.upper(), ":".join(["AB"] * 32), f"SHA256:{OTHER}", " ".join(["ab"] * 32)],
)
def test_a_fingerprint_may_be_written_in_many_ways(written: str) -> None:
    assert Pinned(written).sha256 == OTHER


@pytest.mark.parametrize("written", ["", "ab", "g" * 64, OTHER + "ab"])
def test_malformed_sha256_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="64 hexadecimal"):
        Pinned(written)


def test_fingerprint_has_the_format_of_the_daemon() -> None:
    assert (
        format_fingerprint(OTHER)
        == format_fingerprint(format_fingerprint(OTHER))
        == ":".join(["AB"] * 32)
    )


async def visit(there: ScriptedDesk, trust: Trust | None) -> None:
    """Connect and leave."""
    timeouts = Timeouts(opening=Seconds(5))
    async with connect(there.address, "owner", PASSWORD, trust=trust, timeouts=timeouts):
        pass
