from uuid import UUID

import pytest

from deskwire.auth.identity import DESK, derived, desk_of, parse_boot_id, parse_machine_id

MACHINE = "0123456789abcdef0123456789abcdef"


def test_a_machines_id_is_thirty_two_hexadecimal_digits() -> None:
    assert parse_machine_id(f"{MACHINE}\n") == bytes.fromhex(MACHINE)


@pytest.mark.parametrize(
    "text",
    ["", "uninitialized\n", "0" * 32, MACHINE[:-1], MACHINE + "0", "g" * 32, "0x" + "1" * 30],
)
def test_a_machine_without_an_id_has_none(text: str) -> None:
    assert parse_machine_id(text) is None


def test_an_id_is_what_systemd_derives_for_an_application() -> None:
    # from `systemd-id128 machine-id --uuid --app-specific=15b72cb0-…` on a machine with this id
    found = derived(bytes.fromhex(MACHINE), DESK)

    assert found == UUID("64da22cf-144c-439a-843f-4157b3629623")


def test_two_people_on_one_machine_have_two_desks() -> None:
    machine = bytes.fromhex(MACHINE)

    assert desk_of(machine, 1000) == desk_of(machine, 1000)
    assert desk_of(machine, 1000) != desk_of(machine, 1001)


def test_a_boots_id_is_a_uuid() -> None:
    boot = "a53e0a1c-1a3b-4c1e-9d7f-0d8a3a1f2b4c"

    assert parse_boot_id(f"{boot}\n") == UUID(boot).bytes
    assert parse_boot_id("") is None
    assert parse_boot_id("none") is None
