import pytest

from deskwire.model.units import Seconds
from deskwire.simulator.faults import Fault, parse_fault


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("close=4001@5", Fault("close", Seconds(5), 4001)),
        ("close=1006@0.5", Fault("close", Seconds(0.5), 1006)),
        ("slow@30", Fault("slow", Seconds(30), 10)),
        ("slow=2.5@30", Fault("slow", Seconds(30), 2.5)),
        ("garbage@1", Fault("garbage", Seconds(1))),
    ],
)
def test_fault_has_kind_time_and_value(text: str, fault: Fault) -> None:
    assert parse_fault(text) == fault


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "expected close=CODE@SECONDS, slow"),
        ("close@5", "codes: 1000, 1001, 1006, 1008, 1009, 1013, 4001, 4004"),
        ("close=1005@5", "expected one of these close codes"),
        ("close=4001", "expected close=CODE@SECONDS"),
        ("slow@-1", "expected close=CODE@SECONDS, slow"),
        ("slow=1.2.3@4", "expected"),
        ("garbage=2@1", "expected garbage@SECONDS"),
        ("fire@1", "expected close=CODE@SECONDS, slow"),
    ],
)
def test_malformed_fault_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_fault(text)
