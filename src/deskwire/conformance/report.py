"""Machine-readable reports: JSON and JUnit XML."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any
from xml.etree import ElementTree as ET

import msgspec

from deskwire.conformance.clause import Finding, Verdict


def as_json(url: str, findings: Sequence[Finding]) -> bytes:
    """Return `{"url", "holds", "clauses": [{"clause", "topic", "verdict", "expected", …}]}`."""
    report: dict[str, Any] = {
        "url": url,
        "holds": all(finding.verdict is Verdict.HOLDS for finding in findings),
        "counts": {verdict.value: count(findings, verdict) for verdict in Verdict},
        "clauses": [
            {
                "clause": finding.clause.number,
                "topic": finding.topic,
                "source": finding.clause.source,
                "verdict": finding.verdict.value,
                "expected": finding.clause.text,
                "seen": finding.seen,
                "seconds": round(finding.took, 3),
            }
            for finding in findings
        ],
    }
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"


def as_junit(url: str, findings: Sequence[Finding]) -> bytes:
    """Return one `testsuite`: a broken clause is a failure, one that was not checked is skipped."""
    suite = ET.Element(
        "testsuite",
        name=f"deskwire conform {url}",
        tests=str(len(findings)),
        failures=str(count(findings, Verdict.BROKEN)),
        errors="0",
        skipped=str(count(findings, Verdict.NOT_CHECKED)),
        time=f"{sum(finding.took for finding in findings):.3f}",
    )
    for finding in findings:
        clause = finding.clause
        case = ET.SubElement(
            suite,
            "testcase",
            classname=f"conform.{finding.topic}",
            name=f"{clause.number} {clause.text}",
            time=f"{finding.took:.3f}",
        )
        if finding.verdict is Verdict.BROKEN:
            failure = ET.SubElement(case, "failure", message=finding.seen)
            failure.text = f"expected: {clause.text} ({clause.source})\nseen: {finding.seen}"
        elif finding.verdict is Verdict.NOT_CHECKED:
            ET.SubElement(case, "skipped", message=finding.seen)
        else:
            ET.SubElement(case, "system-out").text = finding.seen
    ET.indent(suite)
    written: bytes = ET.tostring(suite, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def count(findings: Iterable[Finding], verdict: Verdict) -> int:
    """Return how many have this verdict."""
    return Counter(finding.verdict for finding in findings)[verdict]
