from pathlib import Path
from uuid import UUID

import pytest

from deskwire.auth.identity import (
    BOOT_NAMESPACE,
    DESK_NAMESPACE,
    client_network,
    derive,
    desk_id,
    read_boot_id,
    read_machine_id,
)

MACHINE = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "id"


def test_machine_id_has_32_hexadecimal_digits(file: Path) -> None:
    file.write_text(f"{MACHINE}\n")

    assert read_machine_id(file) == bytes.fromhex(MACHINE)


@pytest.mark.parametrize(
    "text",
    ["", "uninitialized\n", "0" * 32, MACHINE[:-1], MACHINE + "0", "g" * 32, "0x" + "1" * 30],
)
def test_invalid_machine_id_is_none(file: Path, text: str) -> None:
    file.write_text(text)

    assert read_machine_id(file) is None


def test_missing_machine_id_is_none(file: Path) -> None:
    assert read_machine_id(file) is None


def test_derived_id_equals_that_of_systemd() -> None:
    # from `systemd-id128 machine-id --uuid --app-specific=15b72cb0-…` on a machine with this ID
    found = derive(bytes.fromhex(MACHINE), DESK_NAMESPACE)

    assert found == UUID("64da22cf-144c-439a-843f-4157b3629623")


def test_two_users_of_one_machine_have_two_desk_ids() -> None:
    machine = bytes.fromhex(MACHINE)

    assert desk_id(machine, 1000) == desk_id(machine, 1000)
    assert desk_id(machine, 1000) != desk_id(machine, 1001)


def test_boot_id_is_derived_from_the_kernels(file: Path) -> None:
    boot = "a53e0a1c-1a3b-4c1e-9d7f-0d8a3a1f2b4c"
    file.write_text(f"{boot}\n")

    assert read_boot_id(file) == derive(UUID(boot).bytes, BOOT_NAMESPACE).hex


@pytest.mark.parametrize("text", ["", "none"])
def test_boot_id_is_random_if_the_kernel_has_none(file: Path, text: str) -> None:
    file.write_text(text)

    assert len({read_boot_id(file) for _ in range(5)}) == 5


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:0DB8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("", ""),
        ("unix", "unix"),
        ("999.1.1.1", "999.1.1.1"),
    ],
)
def test_address_belongs_to_its_client_network(address: str, network: str) -> None:
    assert client_network(address) == network
