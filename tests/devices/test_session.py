import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from signal import SIGCONT, SIGSTOP

import pytest
from dbus_fast import Variant
from hypothesis import given
from hypothesis import strategies as st

from deskwire.core.command_router import CommandRouter
from deskwire.devices import session
from deskwire.devices.dbus.buses import Buses
from deskwire.devices.session import (
    POWER_COMMANDS,
    Hibernate,
    Lock,
    PowerCommand,
    PowerOff,
    Restart,
    SessionDevice,
    SessionState,
    Suspend,
    parse_state,
)
from deskwire.model.access import ALL_SCOPES, Grant, LoginId, Scope
from deskwire.model.commands import Command
from deskwire.model.problems import DeviceUnavailable, Malformed, NotSupported, OutOfScope
from deskwire.model.units import Seconds
from deskwire.protocol.extended.codec import decode_arguments
from tests.support.buses import PrivateBus
from tests.support.devices import next_reading, resources, retried_watch, wait_for_reading
from tests.support.fake_logind import MANAGER, NAME, PATH, SESSION, FakeLogind
from tests.support.time_scaling import patiently
from tests.support.waiting import until_async

IN_USE = SessionState(locked=False, idle=Seconds(0.0))
LOCKED = SessionState(locked=True, idle=Seconds(0.0))
COMMANDS: list[Command] = [Lock(), *(command() for command in POWER_COMMANDS)]
LOCKS = 'self.UpdateProperties("", {"LockedHint": dbus.Boolean(True)})'
"""Effect of a screen locker."""
METHODS = {Suspend: "Suspend", Hibernate: "Hibernate", Restart: "Reboot", PowerOff: "PowerOff"}


@pytest.fixture
async def logind(system_bus: PrivateBus) -> AsyncIterator[FakeLogind]:
    """Run a logind with the user's session."""
    async with FakeLogind(system_bus) as logind:
        await logind.add_session()
        yield logind


@pytest.fixture
def device(system_bus: PrivateBus) -> SessionDevice:
    buses = Buses(session=None, system=system_bus.address)
    return SessionDevice(resources(buses=buses, interval=Seconds(0.1)))


def grant(*scopes: Scope) -> Grant:
    return Grant("ann", LoginId("login"), "jti", frozenset(scopes), Seconds(0))


async def answer(logind: FakeLogind, method: str, text: str) -> None:
    """Let logind answer the question whether a method works."""
    await logind.define(PATH, MANAGER, f"Can{method}", "", gives="s", code=f"ret = {text!r}")


OWN = f"{PATH}/session/auto"


# ---- readings ------------------------------------------------------------------------------------


async def test_locked_session_is_followed_by_signals(
    logind: FakeLogind, device: SessionDevice
) -> None:
    async with aclosing(retried_watch(device)) as readings:
        assert await next_reading(readings) == IN_USE
        await logind.set_hint(OWN, "LockedHint", True)
        assert await next_reading(readings) == LOCKED
        await logind.set_hint(OWN, "LockedHint", False)
        assert await next_reading(readings) == IN_USE


async def test_idle_seconds_are_counted_while_the_session_is_idle(
    logind: FakeLogind, device: SessionDevice
) -> None:
    async with aclosing(retried_watch(device)) as readings:
        assert await next_reading(readings) == IN_USE
        await logind.set(OWN, SESSION, "IdleSinceHintMonotonic", Variant("t", 1_000_000))
        await logind.set_hint(OWN, "IdleHint", True)
        first, second = await next_reading(readings), await next_reading(readings)
        await logind.set_hint(OWN, "IdleHint", False)
        await wait_for_reading(readings, IN_USE)

    assert first is not None
    assert second is not None
    assert 0 < first.idle < second.idle <= first.idle + 3


@pytest.mark.parametrize(
    ("properties", "state"),
    [({}, IN_USE),
     ({"LockedHint": "yes", "IdleHint": 1}, IN_USE),
     ({"IdleHint": True}, IN_USE),
     ({"IdleHint": True, "IdleSinceHintMonotonic": 0}, IN_USE),
     ({"IdleHint": True, "IdleSinceHintMonotonic": "x"}, IN_USE),
     ({"IdleHint": False, "IdleSinceHintMonotonic": 1}, IN_USE),
     ({"IdleHint": True, "IdleSinceHintMonotonic": 99_000_000}, IN_USE),
     ({"IdleHint": True, "IdleSinceHintMonotonic": 7_100_000}, SessionState(False, Seconds(2.0))),
     ({"LockedHint": True}, LOCKED)],
)  # fmt: skip
def test_state_is_made_from_valid_properties(
    properties: dict[str, object], state: SessionState
) -> None:
    assert parse_state(properties, Seconds(10.0)) == state


@given(st.integers(), st.floats(0, 1e9))
def test_idle_time_is_never_negative(since: int, now: float) -> None:
    properties = {"IdleHint": True, "IdleSinceHintMonotonic": since}

    assert parse_state(properties, Seconds(now)).idle >= 0


async def test_desk_without_a_bus_has_no_session() -> None:
    device = SessionDevice(resources())

    async with aclosing(device.watch()) as readings:
        assert await next_reading(readings) is None


async def test_session_is_found_when_logind_and_the_session_appear(
    system_bus: PrivateBus, device: SessionDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "SEARCH_EVERY", Seconds(0.1))
    async with aclosing(device.watch()) as readings:
        assert await next_reading(readings) is None
        async with FakeLogind(system_bus) as logind:
            await logind.add_session()
            assert await next_reading(readings) == IN_USE


@pytest.mark.usefixtures("_hurried")
async def test_hung_logind_fails_the_first_reading_in_time(
    logind: FakeLogind, device: SessionDevice
) -> None:
    logind.send(SIGSTOP)
    clock = asyncio.get_running_loop().time
    began = clock()

    with pytest.raises(DeviceUnavailable, match="did not answer"):
        await anext(device.watch())

    assert clock() - began < patiently(0.5)
    logind.send(SIGCONT)


async def test_session_is_absent_when_logind_ends(
    logind: FakeLogind, device: SessionDevice
) -> None:
    async with aclosing(retried_watch(device)) as readings:
        assert await next_reading(readings) == IN_USE
        logind.kill()
        assert await next_reading(readings) is None


async def test_session_is_absent_when_the_bus_ends(
    logind: FakeLogind, system_bus: PrivateBus, device: SessionDevice
) -> None:
    async with aclosing(retried_watch(device)) as readings:
        assert await next_reading(readings) == IN_USE
        await logind.disconnect()
        system_bus.kill()
        assert await next_reading(readings) is None


# ---- offers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["no", "na", "challenge", "maybe", ""])
@pytest.mark.parametrize("command", POWER_COMMANDS)
async def test_command_is_offered_only_if_logind_answers_yes(
    logind: FakeLogind, device: SessionDevice, command: type[PowerCommand], text: str
) -> None:
    before = await device.offered()
    await answer(logind, METHODS[command], text)

    assert before == {Lock, *POWER_COMMANDS}
    assert await device.offered() == {Lock, *POWER_COMMANDS} - {command}


async def test_lock_is_not_offered_without_a_session(
    system_bus: PrivateBus, device: SessionDevice
) -> None:
    async with FakeLogind(system_bus):
        assert await device.offered() == {*POWER_COMMANDS}


async def test_question_that_logind_does_not_know_hides_only_its_command(
    logind: FakeLogind, device: SessionDevice
) -> None:
    error = "org.freedesktop.DBus.Error.UnknownMethod"
    await logind.refuse(PATH, MANAGER, "CanHibernate", "", error=error)

    assert await device.offered() == {Lock, Suspend, Restart, PowerOff}


async def test_nothing_is_offered_without_logind(device: SessionDevice) -> None:
    assert await device.offered() == frozenset()


@pytest.mark.usefixtures("_hurried")
async def test_hung_logind_delays_the_offer_for_a_bounded_time(
    logind: FakeLogind, device: SessionDevice
) -> None:
    logind.send(SIGSTOP)
    clock = asyncio.get_running_loop().time
    began = clock()

    assert await device.offered() == frozenset()
    assert clock() - began < patiently(0.5)
    logind.send(SIGCONT)


# ---- lock ----------------------------------------------------------------------------------------


async def test_lock_succeeds_when_the_locker_has_locked(
    logind: FakeLogind, device: SessionDevice
) -> None:
    await logind.define(OWN, SESSION, "Lock", "")
    task = asyncio.create_task(device.perform(Lock()))
    await until_async(lambda: logind.calls("Lock") == [()])
    await logind.set_hint(OWN, "IdleHint", True)
    done, _ = await asyncio.wait({task}, timeout=0.2)
    assert not done

    await logind.set_hint(OWN, "LockedHint", True)
    await asyncio.wait_for(task, patiently(3))


async def test_locker_that_is_quicker_than_logind_answers_is_noticed(
    logind: FakeLogind, device: SessionDevice
) -> None:
    await logind.define(OWN, SESSION, "Lock", "", code=LOCKS)

    await device.perform(Lock())


async def test_locked_session_is_not_locked_again(
    logind: FakeLogind, device: SessionDevice
) -> None:
    await logind.define(OWN, SESSION, "Lock", "")
    await logind.set_hint(OWN, "LockedHint", True)

    await device.perform(Lock())

    assert logind.calls("Lock") == []


async def test_lock_without_a_locker_ends_in_time(
    logind: FakeLogind, device: SessionDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "LOCK_TIMEOUT", Seconds(0.5))
    await logind.define(OWN, SESSION, "Lock", "")

    with pytest.raises(DeviceUnavailable, match=r"no screen locker .* within 0\.5 s") as raised:
        await device.perform(Lock())

    assert raised.value.code == "device_unavailable"


# ---- power ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", POWER_COMMANDS)
async def test_power_command_is_carried_out_by_logind_without_asking(
    logind: FakeLogind, device: SessionDevice, command: type[PowerCommand]
) -> None:
    for method in METHODS.values():
        await logind.define(PATH, MANAGER, method, "b")

    await CommandRouter([device]).perform(command(), grant(Scope.POWER))

    calls = {method: logind.calls(method) for method in METHODS.values()}
    assert calls == {method: [] for method in METHODS.values()} | {METHODS[command]: [(0,)]}


REASONS = {
    "challenge": (OutOfScope, "needs a password at the desk"),
    "no": (OutOfScope, "policy"),
    "na": (NotSupported, "this machine cannot"),
}
"""Problem and its text by logind's answer."""


@pytest.mark.parametrize("command", POWER_COMMANDS)
@pytest.mark.parametrize("text", REASONS)
async def test_command_that_is_not_offered_is_refused_with_the_reason(
    logind: FakeLogind,
    device: SessionDevice,
    command: type[PowerCommand],
    text: str,
) -> None:
    problem, why = REASONS[text]
    await answer(logind, METHODS[command], text)
    await logind.define(PATH, MANAGER, METHODS[command], "b")

    with pytest.raises(problem, match=why):
        await device.perform(command())

    assert logind.calls(METHODS[command]) == []


@pytest.mark.parametrize("command", POWER_COMMANDS)
@pytest.mark.parametrize(
    "error",
    ["org.freedesktop.DBus.Error.InteractiveAuthorizationRequired",
     "org.freedesktop.DBus.Error.AccessDenied",
     "org.freedesktop.PolicyKit1.Error.NotAuthorized"],
)  # fmt: skip
async def test_refusal_of_polkit_is_forbidden_and_says_why(
    logind: FakeLogind, device: SessionDevice, command: type[PowerCommand], error: str
) -> None:
    method = METHODS[command]
    await logind.refuse(PATH, MANAGER, method, "b", error=error, text="backup is running")

    with pytest.raises(OutOfScope, match=rf"not allow {method}: .*backup is running") as raised:
        await device.perform(command())

    assert raised.value.code == "forbidden"


@pytest.mark.parametrize("command", POWER_COMMANDS)
async def test_job_that_runs_already_makes_the_command_unavailable(
    logind: FakeLogind, device: SessionDevice, command: type[PowerCommand]
) -> None:
    error = f"{NAME}.OperationInProgress"
    await logind.refuse(PATH, MANAGER, METHODS[command], "b", error=error, text="in progress")

    with pytest.raises(DeviceUnavailable, match="in progress"):
        await device.perform(command())


# ---- all commands --------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
@pytest.mark.usefixtures("_hurried")
async def test_command_to_a_hung_logind_ends_in_time(
    logind: FakeLogind,
    device: SessionDevice,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session, "COMMAND_TIMEOUT", Seconds(0.5))
    logind.send(SIGSTOP)
    clock = asyncio.get_running_loop().time
    began = clock()

    with pytest.raises(DeviceUnavailable, match="did not answer"):
        await device.perform(command)

    assert clock() - began < patiently(1)
    logind.send(SIGCONT)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
async def test_command_without_logind_is_unavailable(
    device: SessionDevice, command: Command
) -> None:
    with pytest.raises(DeviceUnavailable):
        await device.perform(command)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
async def test_command_needs_its_scope(command: Command) -> None:
    needed = Scope.CONTROL if isinstance(command, Lock) else Scope.POWER
    router = CommandRouter([SessionDevice(resources())])

    with pytest.raises(OutOfScope, match=f"needs the scope {needed}"):
        await router.perform(command, grant(*(ALL_SCOPES - {needed})))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
@pytest.mark.parametrize("arguments", [b"[]", b"null", b'"now"', b"1", b"{", b""])
def test_arguments_that_are_no_object_are_malformed(command: Command, arguments: bytes) -> None:
    with pytest.raises(Malformed):
        decode_arguments(type(command), arguments)
