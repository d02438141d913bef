import jwt
import pytest

from deskwire.conformance.outcome import Broken
from deskwire.conformance.token_forgery import decode_token, forged_tokens

KEY = b"k" * 32
TOKEN = jwt.encode({"sub": "ann", "iat": 100, "exp": 160}, KEY, algorithm="HS256")


def test_a_token_is_read_without_its_key() -> None:
    header, claims = decode_token(TOKEN)

    assert header["alg"] == "HS256"
    assert claims["sub"] == "ann"
    assert decode_token(TOKEN).lifetime == 60


@pytest.mark.parametrize("text", ["", "abc", "a.b", "a.b.c", "e30.W10.x", "e30.!!!.x", "ï.ï.ï"])
def test_invalid_token_is_reported(text: str) -> None:
    with pytest.raises(Broken):
        decode_token(text)


def test_a_token_without_times_has_no_lifetime() -> None:
    with pytest.raises(Broken, match="iat 1, exp soon"):
        _ = decode_token("e30.eyJpYXQiOjEsImV4cCI6InNvb24ifQ.x").lifetime


def test_no_forgery_is_believed_by_a_library_that_checks() -> None:
    names = []
    for name, token in forged_tokens(TOKEN):
        names.append(name)
        with pytest.raises(jwt.PyJWTError):
            jwt.decode(token, KEY, algorithms=["HS256"], options={"verify_exp": False})

    assert len(names) == len(set(names)) >= 10


def test_a_forgery_is_believed_by_a_library_that_does_not() -> None:
    unsigned = dict(forged_tokens(TOKEN))["alg none"]

    assert jwt.decode(unsigned, options={"verify_signature": False})["sub"] == "ann"
