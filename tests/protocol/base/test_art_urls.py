import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.model.readings import ArtKey
from deskwire.protocol.base.art_urls import art_key, art_url


def test_an_art_url_is_the_contracts() -> None:
    url = art_url(ArtKey("/tmp/.org.chromium.Chromium.NUnytm"))

    assert url == "/v1/img/tmp/L3RtcC8ub3JnLmNocm9taXVtLkNocm9taXVtLk5Vbnl0bQ=="


def test_a_key_is_read_padded_and_bare() -> None:
    encoded = art_url(ArtKey("/tmp/a/b?c")).removeprefix("/v1/img/tmp/")

    assert art_key(encoded) == "/tmp/a/b?c"
    assert art_key(encoded.rstrip("=")) == "/tmp/a/b?c"


@pytest.mark.parametrize(
    "encoded", ["L3RtcA=", "L3RtcB==", "!", "L3Rt cA==", "L3RtcA===", "+/8=", "é"]
)
def test_any_other_spelling_is_no_key(encoded: str) -> None:
    assert art_key(encoded) is None


@given(st.binary(max_size=60))
def test_every_path_has_one_url_and_back(raw: bytes) -> None:
    key = ArtKey(raw.decode("utf-8", "surrogateescape"))
    url = art_url(key)

    assert art_key(url.removeprefix("/v1/img/tmp/")) == key
    assert base64.urlsafe_b64decode(url.removeprefix("/v1/img/tmp/")) == raw
