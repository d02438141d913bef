"""Table of clauses, expected and observed, as `deskwire conform` prints it."""

import shutil
import textwrap
from collections.abc import Sequence

from deskwire.conformance.clause import Finding, Verdict
from deskwire.conformance.report import count
from deskwire.terminal.console import Colour, Console

MARKS = {Verdict.HOLDS: "holds", Verdict.BROKEN: "BROKEN", Verdict.NOT_CHECKED: "not checked"}
COLOURS = {
    Verdict.HOLDS: Colour.GREEN,
    Verdict.BROKEN: Colour.RED,
    Verdict.NOT_CHECKED: Colour.YELLOW,
}
NUMBER, MARK, GAP = 6, 11, 2
NARROWEST = 80


class VerdictTable:
    """Writes a table row by row."""

    def __init__(self, paper: Console, width: int | None = None) -> None:
        self._paper = paper
        wide = max(NARROWEST, width or shutil.get_terminal_size((120, 24)).columns)
        rest = wide - NUMBER - MARK - GAP
        self._expected = rest * 3 // 5
        self._seen = rest - self._expected

    def head(self) -> None:
        """Write what the columns are."""
        self._paper.write(self._row("clause", "", "expected", "seen"))

    def add(self, finding: Finding) -> None:
        """Write one finding, in as many lines as it needs."""
        expected = textwrap.wrap(finding.clause.text, self._expected)
        seen = textwrap.wrap(finding.seen, self._seen)
        for at in range(max(len(expected), len(seen))):
            number = finding.clause.number if at == 0 else ""
            mark = MARKS[finding.verdict] if at == 0 else ""
            painted = self._paper.paint(f"{mark:{MARK}}", COLOURS[finding.verdict])
            left = expected[at] if at < len(expected) else ""
            right = seen[at] if at < len(seen) else ""
            self._paper.write(self._row(number, painted, left, right))

    def end(self, findings: Sequence[Finding]) -> None:
        """Write how many there are of each."""
        parts = [f"{count(findings, verdict)} {verdict.value}" for verdict in Verdict]
        self._paper.write("")
        self._paper.write(", ".join(parts))

    def _row(self, number: str, mark: str, expected: str, seen: str) -> str:
        left = f"{number:{NUMBER}}{mark or ' ' * MARK}{expected:{self._expected}}"
        return f"{left}{' ' * GAP}{seen}".rstrip()
