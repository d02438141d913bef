from typing import Any

import pytest

from bench.goals import BARE_CALL, COMMAND, GOALS, LEAST_LOGIN_CPU, LOGIN_CPU, Reached, reached
from bench.logins import LEAST, WAYS

NAMES = [goal.name for goal in GOALS]


def of_goal(name: str, **results: Any) -> Reached:
    (found,) = [each for each in reached(results) if each.goal.name == name]
    return found


def watching(ours: float, beside: float) -> dict[str, Any]:
    def program(used: float) -> dict[str, Any]:
        look = {"cpu_s_a_minute": used, "wake_ups_a_second": 0.0}
        return {"watched": [look], "unwatched": [look], "memory_mib": 40.0}

    return {"programs": {"deskwire": program(ours), "node-exporter": program(beside)}}


@pytest.mark.parametrize(("factor", "word"), [(1, "yes"), (3, "yes"), (5, "**missed**")])
def test_command_is_compared_with_the_bare_call_of_the_same_run(factor: int, word: str) -> None:
    for machine in (0.3, 0.6):
        samples = {COMMAND: [machine * factor], BARE_CALL: [machine]}
        found = of_goal("a command to the call, × a bare call", latency={"samples": samples})

        assert found.figure == pytest.approx(factor)
        assert found.word == word


def test_monitor_is_compared_in_the_same_run() -> None:
    found = of_goal("one client, × node-exporter", watching=watching(0.05, 1.0))

    assert (found.figure, found.word) == (0.05, "yes")


def test_missing_program_leaves_its_goal_unmeasured() -> None:
    assert of_goal("… × netdata", watching=watching(0.05, 1.0)).word == "not measured"


@pytest.mark.parametrize("name", NAMES)
def test_goal_without_results_is_not_measured(name: str) -> None:
    assert of_goal(name).word == "not measured"


def test_equal_cost_misses_an_exclusive_goal() -> None:
    exclusive = next(goal for goal in GOALS if goal.exclusive)

    assert Reached(exclusive, exclusive.most).word == "**missed**"
    assert Reached(exclusive, exclusive.most * 0.99).word == "yes"


def test_login_goal_names_the_series_that_are_measured() -> None:
    assert f"{WAYS[0][0]}, the daemon's CPU" == LOGIN_CPU
    assert f"{LEAST}, its CPU" == LEAST_LOGIN_CPU
