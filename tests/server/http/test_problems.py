import pytest

from deskwire.devices.dbus.buses import BusLost, CallFailed, CallTimedOut
from deskwire.model.problems import Problem
from deskwire.server.http.problems import error_response


@pytest.mark.parametrize(
    "problem", [BusLost("gone"), CallTimedOut("no answer"), CallFailed("com.example.E", "no")]
)
def test_failed_call_of_a_service_has_the_status_of_its_code(problem: Problem) -> None:
    assert (problem.code, error_response(problem).status) == ("device_unavailable", 503)
