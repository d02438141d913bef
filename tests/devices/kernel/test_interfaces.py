from pathlib import Path

import pytest

from deskwire.devices.kernel.interfaces import real_interfaces
from deskwire.devices.kernel.kernel_file import Roots
from tests.support.devices import captured, copied

LAPTOP = ["lo", "enp0s31f6", "wlp0s20f3", "docker0", "veth4a1b2c3", "virbr0", "tun0"]


@pytest.fixture
def container(tmp_path: Path) -> Roots:
    return copied("container", tmp_path)


def interface(roots: Roots, name: str, **files: str) -> str:
    folder = roots.sys / "class/net" / name
    folder.mkdir(parents=True)
    for file, text in ({"type": "1\n", "uevent": f"INTERFACE={name}\n"} | files).items():
        (folder / file).write_text(text)
    return name


def test_a_laptop_counts_its_hardware_and_no_bridge_tunnel_or_loopback() -> None:
    assert real_interfaces(LAPTOP, captured("laptop").sys).keys() == {"enp0s31f6", "wlp0s20f3"}


def test_a_container_counts_its_way_out() -> None:
    found = real_interfaces(["lo", "eth0", "tunl0"], captured("container").sys)

    assert found.keys() == {"eth0"}


@pytest.mark.parametrize("name", ["veth12ab", "docker0", "br-0a1b", "virbr0", "dummy0", "ifb1"])
def test_a_name_of_a_virtual_interface_is_no_way_out(container: Roots, name: str) -> None:
    assert real_interfaces([interface(container, name)], container.sys) == {}


@pytest.mark.parametrize("kind", ["bridge", "vlan", "bond", "vxlan", "wireguard", "ppp"])
def test_an_interface_made_on_top_of_others_is_no_way_out(container: Roots, kind: str) -> None:
    name = interface(container, "up0", uevent=f"DEVTYPE={kind}\nINTERFACE=up0\n")

    assert real_interfaces([name], container.sys) == {}


def test_virtual_interface_with_any_name_is_not_an_uplink(container: Roots) -> None:
    name = interface(container, "mynet", tun_flags="0x1002\n")

    assert real_interfaces([name], container.sys) == {}


def test_where_sysfs_says_nothing_the_name_decides(tmp_path: Path) -> None:
    assert real_interfaces(["lo", "eth0", "tun0", "veth1"], tmp_path) == {"eth0": None}


def test_this_machine_does_not_count_its_loopback() -> None:
    names = [entry.name for entry in Path("/sys/class/net").iterdir()]

    assert "lo" in names
    assert "lo" not in real_interfaces(names, Path("/sys"))


# ---- hardware of other machines ------------------------------------------------------------------


def hardware(sys: Path, name: str, index: int, *, master: str = "", **files: str) -> str:
    """Write an interface with a device."""
    folder = sys / "class/net" / name
    (folder / "device").mkdir(parents=True)
    for file, text in {"type": "1", "uevent": f"INTERFACE={name}", "ifindex": f"{index}"}.items():
        (folder / file).write_text(files.get(file, text) + "\n")
    if master:
        (folder / "master").symlink_to(f"../{master}")
    return name


def test_virtual_function_beside_its_netvsc_counts_once(tmp_path: Path) -> None:
    names = [hardware(tmp_path, "eth0", 2), hardware(tmp_path, "enP1s1", 3, master="eth0")]

    assert real_interfaces(names, tmp_path) == {"eth0": 2}


def test_members_of_a_bond_and_a_bridge_without_hardware_count(tmp_path: Path) -> None:
    for virtual in ("bond0", "br0"):
        (tmp_path / "class/net" / virtual).mkdir(parents=True)
    names = [
        "bond0",
        "br0",
        hardware(tmp_path, "eno1", 2, master="bond0"),
        hardware(tmp_path, "eno2", 3, master="bond0"),
        hardware(tmp_path, "eno3", 4, master="br0"),
    ]

    assert real_interfaces(names, tmp_path) == {"eno1": 2, "eno2": 3, "eno3": 4}


def test_ports_of_a_switch_do_not_count_beside_their_uplink(tmp_path: Path) -> None:
    ports = [
        hardware(tmp_path, f"lan{number}", number + 2, uevent="DEVTYPE=dsa") for number in (1, 2)
    ]

    assert real_interfaces([hardware(tmp_path, "eth0", 2), *ports], tmp_path) == {"eth0": 2}


@pytest.mark.parametrize(
    ("name", "kind"),
    [("can0", "280"), ("mon0", "801"), ("wlan0prism", "802"), ("wlan0mon", "803"),
     ("wpan0", "804"), ("monitor0", "805"), ("phonet0", "820"), ("nlmon0", "824")],
)  # fmt: skip
def test_interface_without_ip_does_not_count(tmp_path: Path, name: str, kind: str) -> None:
    names = [hardware(tmp_path, "wlan0", 3), hardware(tmp_path, name, 4, type=kind)]

    assert real_interfaces(names, tmp_path) == {"wlan0": 3}


@pytest.mark.parametrize("kind", ["1", "24", "32", "512", "519", "65534"])
def test_interface_that_may_carry_ip_counts(tmp_path: Path, kind: str) -> None:
    assert real_interfaces([hardware(tmp_path, "wwan0", 5, type=kind)], tmp_path) == {"wwan0": 5}
