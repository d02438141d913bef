"""Limits of scripts/check_prose.py on the texts of the repository, and the checker's own rules."""

import pytest

from scripts.check_prose import IMPERATIVE, LIMITS, Count, check, check_name, check_text


@pytest.fixture(scope="module")
def count() -> Count:
    return check()


@pytest.mark.parametrize("kind", list(LIMITS))
def test_share_of_findings_is_within_its_limit(kind: str, count: Count) -> None:
    found = [
        f"{each.file}:{each.line}: {each.text}" for each in count.findings if each.kind == kind
    ]

    assert count.share(kind) <= LIMITS[kind], "\n".join(found)


def findings(text: str) -> list[str]:
    count = Count()
    check_text(count, "page.md", 1, text)
    return [finding.kind for finding in count.findings]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Who connects late gets the newest frame.", ["sentence"]),
        ("The daemon waits. What it reads is a file.", ["sentence"]),
        ("What next does the client send?", []),
        ("How to install it.", []),
        ("The client mends the connection.", ["word"]),
        ("The field `mend` and the word “door” are quoted.", []),
        ("The screen shows a track.", []),
        ("Fifty screens connect at once.", ["word"]),
        ("See api.md for the shape.", ["citation"]),
    ],
)
def test_text_gives_the_expected_findings(text: str, kinds: list[str]) -> None:
    assert findings(text) == kinds


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("seat_of_a_socket", ["name"]),
        ("test_who_is_slow_is_skipped", ["test-name"]),
        ("test_slow_client_is_skipped", []),
        ("ClientState", []),
    ],
)
def test_name_gives_the_expected_findings(name: str, kinds: list[str]) -> None:
    count = Count()
    check_name(count, "tests/test_example.py", 1, name)

    assert [finding.kind for finding in count.findings] == kinds


@pytest.mark.parametrize("subject", ["Add a clause", "Fix the close of a slow socket"])
def test_imperative_subject_passes(subject: str) -> None:
    assert IMPERATIVE.match(subject)


@pytest.mark.parametrize("subject", ["server: says so", "Adds a clause", "the beat", "Fixed it"])
def test_other_subject_fails(subject: str) -> None:
    assert not IMPERATIVE.match(subject)
