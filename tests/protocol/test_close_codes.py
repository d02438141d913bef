import pytest

from deskwire.protocol.close_codes import NextStep, after_close


@pytest.mark.parametrize(
    ("code", "then"),
    [
        (1000, NextStep.STOP),
        (1001, NextStep.STOP),
        (1006, NextStep.RECONNECT),
        (4001, NextStep.LOG_IN),
        (4004, NextStep.REFRESH),
    ],
)
def test_next_step_is_that_of_the_contract(code: int, then: NextStep) -> None:
    assert after_close(code) is then


@pytest.mark.parametrize("code", [1002, 1008, 1011, 1013, 3000, 4999])
def test_code_outside_the_contract_counts_as_abnormal(code: int) -> None:
    assert after_close(code) is NextStep.RECONNECT
