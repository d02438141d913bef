import pytest

from deskwire.conformance.http import parse_fingerprint

DIGITS = "ab" * 32


@pytest.mark.parametrize("text", [DIGITS, DIGITS.upper(), ":".join(["AB"] * 32)])
def test_a_fingerprint_may_be_written_with_colons_or_without(text: str) -> None:
    assert parse_fingerprint(text) == b"\xab" * 32


@pytest.mark.parametrize("text", ["", "ab", DIGITS + "ab", "xy" * 32, "sha256:" + DIGITS])
def test_anything_else_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        parse_fingerprint(text)
