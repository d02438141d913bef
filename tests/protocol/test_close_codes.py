import pytest

from deskwire.protocol.close_codes import Next, after_close


@pytest.mark.parametrize(
    ("code", "then"),
    [
        (1000, Next.STOP),
        (1001, Next.STOP),
        (1006, Next.RECONNECT),
        (4001, Next.LOG_IN),
        (4004, Next.REFRESH),
    ],
)
def test_the_contracts_table(code: int, then: Next) -> None:
    assert after_close(code) is then


@pytest.mark.parametrize("code", [1002, 1008, 1011, 1013, 3000, 4999])
def test_a_code_the_contract_does_not_name_is_abnormal(code: int) -> None:
    assert after_close(code) is Next.RECONNECT
