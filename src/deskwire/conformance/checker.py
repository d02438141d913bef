"""Going through the clauses.

Those that only wait go beside the others; those that look at the desk go one after another beside
those that look at the door; and those that crowd the server or disturb the desk come last, alone.
"""

import asyncio
from collections.abc import Callable, Iterable

from deskwire.conformance.check_context import Bench, Person, Terms
from deskwire.conformance.clause import Clause, Finding, Order, Topic, Verdict
from deskwire.conformance.clauses import Chosen
from deskwire.conformance.http import CONNECTION_FAILED, Http
from deskwire.conformance.trust import Trust
from deskwire.conformance.verdicts import Broken, NotJudged, short

GRACE = 30.0
"""Seconds a clause may take beyond what it has to wait."""

Tell = Callable[[Finding], None]
"""Told of each finding, in the clauses' order, as soon as those before it are made."""


class NotLetIn(Exception):
    """The server refuses who is to log in, so next to nothing could be judged."""


async def look_in(url: str, trust: Trust, people: Iterable[Person]) -> None:
    """Make sure of what a person may have mistyped, before a hundred clauses say so.

    Raises `NobodyThere`, `NotBelieved` or `NotLetIn`; whatever else a server does is judged.
    """
    async with Http(url, trust) as http:
        await http.knock()
        for who in people:
            try:
                answer = await http.log_in(who.name, who.password)
            except (TimeoutError, *CONNECTION_FAILED):
                return
            if answer.status == 401:
                raise NotLetIn(f"{who.name} is not let in: the name or the password is wrong")


async def judge(
    url: str, trust: Trust, terms: Terms, chosen: Chosen, tell: Tell = lambda _: None
) -> list[Finding]:
    """Judge a server by these clauses; return what was found, in their order."""
    async with Http(url, trust) as http:
        bench = Bench(http, trust, terms)
        found: dict[str, Finding] = {}

        waiting = [clause.number for _, clause in chosen]

        async def go_through(pairs: Iterable[tuple[Topic, Clause]]) -> None:
            for topic, clause in pairs:
                found[clause.number] = await find_out(bench, topic, clause)
                while waiting and waiting[0] in found:
                    tell(found[waiting.pop(0)])

        def those(order: Order) -> Chosen:
            return [(topic, clause) for topic, clause in chosen if clause.order is order]

        try:
            async with asyncio.TaskGroup() as together:
                for pair in those(Order.ALONGSIDE):
                    together.create_task(go_through([pair]))
                in_turn = those(Order.IN_TURN)
                for of_the_desk in (False, True):
                    lane = [pair for pair in in_turn if pair[0].of_the_desk is of_the_desk]
                    together.create_task(go_through(lane))
            await go_through(those(Order.LAST))
        finally:
            bench.forget()
    return [found[clause.number] for _, clause in chosen]


async def find_out(bench: Bench, topic: Topic, clause: Clause) -> Finding:
    """Judge one clause; nothing is raised but cancellation and bugs."""
    clock = asyncio.get_running_loop().time
    began = clock()
    patience = bench.terms.patience
    if clause.takes > patience:
        seen = f"takes {clause.takes:g} s, longer than --patience {patience:g}"
        return Finding(clause, topic.name, Verdict.NOT_JUDGED, seen, 0.0)
    try:
        async with asyncio.timeout(patience + GRACE):
            verdict, seen = Verdict.HOLDS, await clause.check(bench)
    except Broken as broken:
        verdict, seen = Verdict.BROKEN, str(broken)
    except NotJudged as reason:
        verdict, seen = Verdict.NOT_JUDGED, str(reason)
    except TimeoutError:
        verdict, seen = Verdict.BROKEN, f"no answer within {clock() - began:.0f} s"
    except CONNECTION_FAILED as problem:
        verdict, seen = Verdict.BROKEN, f"the connection failed: {short(str(problem))}"
    return Finding(clause, topic.name, verdict, seen or "-", clock() - began)
