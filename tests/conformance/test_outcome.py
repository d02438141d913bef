from deskwire.conformance.outcome import LONGEST, short


def test_observation_fits_into_one_line() -> None:
    assert short("a\nb\x1b[31m") == "a�b�[31m"
    assert len(short("x" * 1000)) == LONGEST
    assert short({"a": 1}) == "{'a': 1}"
    assert short(b"\xffok") == "�ok"


def test_observation_contains_no_token() -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl"

    assert short(f'{{"token":"{token}"}}') == '{"token":"eyJ…"}'
    assert short({"token": token[:30]}) == "{'token': 'eyJ…'}"
