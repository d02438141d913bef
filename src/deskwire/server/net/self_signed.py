"""Program that makes a self-signed certificate and its key.

    python -m deskwire.server.net.self_signed DIRECTORY NAME...

The key is P-256, and the certificate is valid for a year, the maximum in Mozilla's profile.
"""

import datetime as dt
import ipaddress
import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from deskwire.private_files import write_private_file

LIFETIME = dt.timedelta(days=365)


def make_certificate(folder: Path, names: list[str], now: dt.datetime) -> None:
    """Write `key.pem` and `certificate.pem` for these names and addresses; raises `OSError`."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "deskwire")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName(map(_general_name, names)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_private_file(folder / "key.pem", pem, replace=True)
    content = certificate.public_bytes(Encoding.PEM)
    write_private_file(folder / "certificate.pem", content, replace=True)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


if __name__ == "__main__":
    try:
        make_certificate(Path(sys.argv[1]), sys.argv[2:], dt.datetime.now(dt.UTC))
    except OSError as problem:
        sys.exit(problem.strerror or "the directory cannot be written")
