import json
from xml.etree import ElementTree as ET

from deskwire.conformance.clause import Finding, Verdict
from deskwire.conformance.clauses import choose
from deskwire.conformance.report import as_json, as_junit

URL = "https://127.0.0.1:8765"


def findings() -> list[Finding]:
    seen = [(Verdict.HOLDS, "200"), (Verdict.BROKEN, "a <b> & c"), (Verdict.NOT_CHECKED, "no time")]
    return [
        Finding(clause, topic.name, verdict, text, 0.5)
        for (topic, clause), (verdict, text) in zip(choose("1.1,1.2,2.1"), seen, strict=True)
    ]


def test_json_report_has_expectation_and_observation() -> None:
    report = json.loads(as_json(URL, findings()))

    assert (report["url"], report["holds"]) == (URL, False)
    assert report["counts"] == {"holds": 1, "broken": 1, "not checked": 1}
    assert report["clauses"][1] == {
        "clause": "1.2",
        "topic": "login",
        "source": "protocol.md#tokens",
        "verdict": "broken",
        "expected": "The login token is a JWT.",
        "seen": "a <b> & c",
        "seconds": 0.5,
    }


def test_a_server_holds_only_when_nothing_is_broken_and_nothing_unknown() -> None:
    holding, broken, unknown = findings()

    assert json.loads(as_json(URL, [holding]))["holds"] is True
    assert json.loads(as_json(URL, [holding, broken]))["holds"] is False
    assert json.loads(as_json(URL, [holding, unknown]))["holds"] is False


def test_junit_counts_broken_as_failed_and_unchecked_as_skipped() -> None:
    suite = ET.fromstring(as_junit(URL, findings()))

    numbers = {name: suite.get(name) for name in ("tests", "failures", "skipped", "errors")}
    assert numbers == {"tests": "3", "failures": "1", "skipped": "1", "errors": "0"}
    one, two, three = suite.findall("testcase")
    assert (one.get("classname"), one.find("failure"), one.find("skipped")) == (
        "conform.login", None, None,
    )  # fmt: skip
    failure = two.find("failure")
    assert failure is not None
    assert failure.get("message") == "a <b> & c"
    assert two.get("name") == "1.2 The login token is a JWT."
    skipped = three.find("skipped")
    assert skipped is not None
    assert skipped.get("message") == "no time"
