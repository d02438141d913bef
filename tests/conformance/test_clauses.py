"""Each clause is broken by a server of its own, and is seen to be; by ours none is."""

import logging
from functools import partial

import pytest

from deskwire.auth.passwords import Passwords
from deskwire.conformance.check_context import Account, CheckOptions
from deskwire.conformance.checker import run_checks
from deskwire.conformance.clause import Finding, Verdict
from deskwire.conformance.clauses import TOPICS, choose, every
from deskwire.conformance.http import Trust
from deskwire.model.units import Seconds
from deskwire.simulator import mock as mock_module
from deskwire.simulator.mock import WATCHER, Mock
from deskwire.simulator.scenario import load
from tests.conformance.broken import (  # noqa: F401 - each enters its own into the table
    conversation,
    desk,
    ending,
    extended,
    logging_in,
    opening,
    tokens,
)
from tests.conformance.broken.variant import VARIANTS, Variant
from tests.support.virtual_time import VirtualTimeLoop, run_in_virtual_time

PATIENCE = 1300.0
"""Seconds; in virtual time they pass at once."""


def run_all(only: str = "", *, lifetime: float = 1200, warning: float = 240) -> list[Finding]:
    """Check a mock in this process; time passes at once."""
    scenario, pictures = load("example")
    trust = Trust()

    async def main(loop: VirtualTimeLoop) -> list[Finding]:
        async with Mock(
            scenario,
            pictures,
            clock=loop.clock,
            lifetime=Seconds(lifetime),
            warning=Seconds(warning),
        ) as mock:
            options = CheckOptions(
                owner=Account(mock.user, mock.password),
                watcher=Account(WATCHER, mock.password),
                lifetime=lifetime,
                warning=warning,
                patience=PATIENCE,
                disturb=True,
            )
            return await run_checks(mock.address, trust, options, choose(only))

    return run_in_virtual_time(main)


@pytest.fixture
def _quick_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mock_module, "Passwords", partial(Passwords, memory_kib=64))


def test_our_own_server_holds_every_clause_through_all_its_twenty_minutes() -> None:
    findings = run_all()

    wrong = [
        f"{finding.clause.number} {finding.verdict.value}: {finding.seen}"
        for finding in findings
        if finding.verdict is not Verdict.HOLDS
    ]
    assert not wrong
    assert len(findings) == len(list(every()))


@pytest.mark.usefixtures("_quick_hashing")
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_broken_server_violates_its_clause(
    variant: Variant, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    variant.change(monkeypatch)

    (finding,) = run_all(variant.clause, lifetime=60, warning=12)

    assert finding.verdict is Verdict.BROKEN, finding.seen


def test_there_is_a_wrong_server_for_each_clause() -> None:
    broken = {variant.clause for variant in VARIANTS}

    assert broken == {clause.number for _, clause in every()}


def test_clauses_are_numbered_in_their_topics() -> None:
    for topic in TOPICS:
        numbers = [clause.number for clause in topic.clauses]

        assert numbers == [f"{topic.number}.{at}" for at in range(1, len(numbers) + 1)]
    assert [topic.number for topic in TOPICS] == list(range(1, len(TOPICS) + 1))


def test_a_clause_is_a_sentence_that_fits_into_a_line() -> None:
    for _, clause in every():
        assert clause.text.endswith(".")
        assert len(clause.text) <= 96
        assert clause.source


def test_clauses_are_chosen_by_number_and_by_topic() -> None:
    chosen = [clause.number for _, clause in choose("1.2, opening,10", "3,10.1")]

    assert chosen == ["1.2", "10.2", "10.3", "10.4", "10.5", "10.6"]


def test_a_word_that_names_no_clause_is_said() -> None:
    with pytest.raises(ValueError, match=r"^3\.99$"):
        choose("1,3.99")
