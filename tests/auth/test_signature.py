import base64
import hashlib
import hmac
import json
import subprocess
import sys

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.auth.tokens import Signature
from deskwire.model.problems import TokenRefused

KEY = bytes(range(32))
GOOD = Signature(KEY).sign(b'{"sub":"ann"}')
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def with_header(header: object, hash_name: str = "sha256") -> str:
    """Return a token with this header, truly signed with the desk's own key."""
    signed = f"{b64(json.dumps(header).encode())}.{GOOD.split('.')[1]}"
    return f"{signed}.{b64(hmac.digest(KEY, signed.encode(), hash_name))}"


def test_what_was_signed_is_verified() -> None:
    assert Signature(KEY).verified(GOOD) == b'{"sub":"ann"}'


def test_it_is_hmac_sha256_as_the_standard_has_it() -> None:
    header, payload, signature = GOOD.split(".")

    assert json.loads(base64.urlsafe_b64decode(header + "=")) == {"typ": "JWT", "alg": "HS256"}
    assert signature == b64(hmac.digest(KEY, f"{header}.{payload}".encode(), "sha256"))


def test_a_library_for_such_tokens_writes_the_same_and_reads_it() -> None:
    library = jwt.PyJWS(algorithms=["HS256"])

    assert library.encode(b'{"sub":"ann"}', KEY, algorithm="HS256") == GOOD
    assert library.decode(GOOD, KEY, algorithms=["HS256"]) == b'{"sub":"ann"}'


@pytest.mark.parametrize("size", [0, 1, 31])
def test_a_short_key_signs_nothing(size: int) -> None:
    with pytest.raises(ValueError, match="at least 32 bytes"):
        Signature(b"k" * size)


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT", "alg": "none"},
        {"typ": "JWT", "alg": "None"},
        {"typ": "JWT", "alg": "NONE"},
        {"typ": "JWT", "alg": "nOnE"},
        {"typ": "JWT", "alg": ""},
        {"typ": "JWT", "alg": None},
        {"typ": "JWT", "alg": ["HS256"]},
        {"typ": "JWT"},
        {"alg": "HS256"},
        {"typ": "JWT", "alg": "RS256"},
        {"typ": "JWT", "alg": "hs256"},
        {"alg": "HS256", "typ": "JWT", "kid": "../../dev/null"},
        {"alg": "HS256", "typ": "JWT", "kid": 5},
        {"alg": "HS256", "typ": "JWT", "jwk": {"kty": "oct", "k": "AA"}},
        {"alg": "HS256", "typ": "JWT", "jku": "https://attacker.example/keys"},
        {"alg": "HS256", "typ": "JWT", "x5u": "https://attacker.example/chain"},
        {"alg": "HS256", "typ": "JWT", "crit": ["exp"]},
        {"alg": "HS256", "typ": "JWT", "b64": False, "crit": ["b64"]},
        {"alg": "HS256", "typ": "JWT", "anything": 1},
        [],
        "HS256",
        None,
    ],
)
def test_any_other_header_is_refused_even_when_signed_with_our_key(header: object) -> None:
    with pytest.raises(TokenRefused):
        Signature(KEY).verified(with_header(header))


@pytest.mark.parametrize("hash_name", ["sha384", "sha512", "sha1", "md5"])
def test_another_hash_is_refused(hash_name: str) -> None:
    with pytest.raises(TokenRefused):
        Signature(KEY).verified(with_header({"alg": "HS256", "typ": "JWT"}, hash_name))


def test_a_signature_by_anything_else_is_refused() -> None:
    signed, _, signature = GOOD.rpartition(".")
    public = hashlib.sha256(signed.encode()).digest()
    flipped = bytes([hmac.digest(KEY, signed.encode(), "sha256")[0] ^ 1])
    rest = hmac.digest(KEY, signed.encode(), "sha256")[1:]

    for forged in (
        Signature(bytes(32)).sign(b'{"sub":"ann"}'),
        signed,
        f"{signed}.",
        f"{signed}.{b64(public)}",
        f"{signed}.{b64(flipped + rest)}",
        f"{signed}.{signature[:-1]}",
        f"{signed}.{signature}=",
        f"{signed}.{signature}A",
        f"{signed}.{signature}.{signature}",
    ):
        with pytest.raises(TokenRefused):
            Signature(KEY).verified(forged)


def test_spare_bits_of_the_last_character_are_not_a_second_spelling() -> None:
    for last in ALPHABET:
        if last != GOOD[-1]:
            with pytest.raises(TokenRefused):
                Signature(KEY).verified(GOOD[:-1] + last)


@pytest.mark.parametrize("size", [4097, 7_000, 200_000, 2_000_000])
def test_a_long_token_is_not_looked_at(size: int) -> None:
    long = Signature(KEY).sign(b"[" * (size * 3 // 4))

    with pytest.raises(TokenRefused):
        Signature(KEY).verified(long)


@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda raw: raw.decode("latin-1")))
def test_no_text_is_a_token(text: str) -> None:
    with pytest.raises(TokenRefused):
        Signature(KEY).verified(text)


@given(
    at=st.integers(0, len(GOOD) - 1),
    length=st.integers(0, 40),
    put=st.text(st.sampled_from(ALPHABET + ".= \n\x00é\ud800"), max_size=8),
)
def test_no_mutation_of_a_token_is_a_token(at: int, length: int, put: str) -> None:
    mutated = GOOD[:at] + put + GOOD[at + length :]
    if mutated == GOOD:
        return

    with pytest.raises(TokenRefused):
        Signature(KEY).verified(mutated)


def test_the_daemon_does_not_carry_cryptography_for_a_hash() -> None:
    code = """
import sys
from deskwire.auth.tokens import Signature
loaded = [name for name in sys.modules if name.split(".")[0] == "cryptography"]
print(loaded, Signature(bytes(32)).verified(Signature(bytes(32)).sign(b"kept")))
from cryptography.hazmat.primitives.asymmetric import ec
print(ec.SECP256R1().name)
"""

    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert told.stdout == "[] b'kept'\nsecp256r1\n"
    assert told.stderr == ""
