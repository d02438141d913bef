import io

from deskwire.cli.conformance_report import VerdictTable
from deskwire.conformance.clause import Finding, Verdict
from deskwire.conformance.clauses import choose
from deskwire.terminal.console import Console


def test_a_row_takes_as_many_lines_as_it_needs() -> None:
    ((topic, clause),) = choose("1.1")
    out = io.StringIO()
    table = VerdictTable(Console(out, {}), width=80)

    finding = Finding(clause, topic.name, Verdict.BROKEN, "500 and a very long page instead", 0.1)
    table.head()
    table.add(finding)
    table.end([finding])

    assert out.getvalue().splitlines() == [
        "clause           expected                              seen",
        "1.1   BROKEN     The right name and password get 200   500 and a very long page",
        "                 and a `login_token` with `token` and  instead",
        "                 `expires_at`.",
        "",
        "0 holds, 1 broken, 0 not checked",
    ]
