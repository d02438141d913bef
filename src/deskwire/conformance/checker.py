"""Runner of conformance checks.

Clauses that only wait run in parallel. Clauses about the desk run one after another, beside those
about login and transport. Clauses that load the server or disturb the desk run last, alone.
"""

import asyncio
from collections.abc import Callable, Iterable

from deskwire.conformance.check_context import Account, CheckContext, CheckOptions
from deskwire.conformance.clause import Clause, Finding, Schedule, Topic, Verdict
from deskwire.conformance.clauses import Chosen
from deskwire.conformance.http import CONNECTION_FAILED, Http, Trust
from deskwire.conformance.outcome import Broken, NotChecked, short

GRACE = 30.0
"""Time that a clause may take beyond its known waiting time, in seconds."""

OnFinding = Callable[[Finding], None]
"""Callback for each finding, in clause order, as soon as the findings before it exist."""


class LoginRefused(Exception):
    """The server refuses the given account, so almost no clause can be checked."""


async def check_access(url: str, trust: Trust, people: Iterable[Account]) -> None:
    """Check address, certificate and password before a hundred clauses fail for one typing error.

    Raises `ServerUnreachable`, `CertificateNotTrusted` or `LoginRefused`.
    """
    async with Http(url, trust) as http:
        await http.probe()
        for who in people:
            try:
                answer = await http.log_in(who.name, who.password)
            except (TimeoutError, *CONNECTION_FAILED):
                return
            if answer.status == 401:
                raise LoginRefused(f"{who.name} cannot log in: the name or the password is wrong")


async def run_checks(
    url: str, trust: Trust, options: CheckOptions, chosen: Chosen, tell: OnFinding = lambda _: None
) -> list[Finding]:
    """Check a server against these clauses; return the findings in their order."""
    async with Http(url, trust) as http:
        context = CheckContext(http, trust, options)
        found: dict[str, Finding] = {}

        waiting = [clause.number for _, clause in chosen]

        async def go_through(pairs: Iterable[tuple[Topic, Clause]]) -> None:
            for topic, clause in pairs:
                found[clause.number] = await check_clause(context, topic, clause)
                while waiting and waiting[0] in found:
                    tell(found[waiting.pop(0)])

        def those(order: Schedule) -> Chosen:
            return [(topic, clause) for topic, clause in chosen if clause.order is order]

        try:
            async with asyncio.TaskGroup() as together:
                for pair in those(Schedule.ALONGSIDE):
                    together.create_task(go_through([pair]))
                in_turn = those(Schedule.IN_TURN)
                for reads_desk in (False, True):
                    lane = [pair for pair in in_turn if pair[0].reads_desk is reads_desk]
                    together.create_task(go_through(lane))
            await go_through(those(Schedule.LAST))
        finally:
            context.forget()
    return [found[clause.number] for _, clause in chosen]


async def check_clause(context: CheckContext, topic: Topic, clause: Clause) -> Finding:
    """Check one clause. Failures of the server become findings, not exceptions."""
    clock = asyncio.get_running_loop().time
    began = clock()
    patience = context.options.patience
    if clause.takes > patience:
        seen = f"takes {clause.takes:g} s, longer than --patience {patience:g}"
        return Finding(clause, topic.name, Verdict.NOT_CHECKED, seen, 0.0)
    try:
        async with asyncio.timeout(patience + GRACE):
            verdict, seen = Verdict.HOLDS, await clause.check(context)
    except Broken as broken:
        verdict, seen = Verdict.BROKEN, str(broken)
    except NotChecked as reason:
        verdict, seen = Verdict.NOT_CHECKED, str(reason)
    except TimeoutError:
        verdict, seen = Verdict.BROKEN, f"no answer within {clock() - began:.0f} s"
    except CONNECTION_FAILED as problem:
        verdict, seen = Verdict.BROKEN, f"the connection failed: {short(str(problem))}"
    return Finding(clause, topic.name, verdict, seen or "-", clock() - began)
