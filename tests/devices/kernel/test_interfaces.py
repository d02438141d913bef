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
    assert real_interfaces(LAPTOP, captured("laptop").sys) == {"enp0s31f6", "wlp0s20f3"}


def test_a_container_counts_its_way_out() -> None:
    found = real_interfaces(["lo", "eth0", "tunl0"], captured("container").sys)

    assert found == {"eth0"}


@pytest.mark.parametrize("name", ["veth12ab", "docker0", "br-0a1b", "virbr0", "dummy0", "ifb1"])
def test_a_name_of_a_virtual_interface_is_no_way_out(container: Roots, name: str) -> None:
    assert real_interfaces([interface(container, name)], container.sys) == set()


@pytest.mark.parametrize("kind", ["bridge", "vlan", "bond", "vxlan", "wireguard", "ppp"])
def test_an_interface_made_on_top_of_others_is_no_way_out(container: Roots, kind: str) -> None:
    name = interface(container, "up0", uevent=f"DEVTYPE={kind}\nINTERFACE=up0\n")

    assert real_interfaces([name], container.sys) == set()


def test_virtual_interface_with_any_name_is_not_an_uplink(container: Roots) -> None:
    name = interface(container, "mynet", tun_flags="0x1002\n")

    assert real_interfaces([name], container.sys) == set()


def test_where_sysfs_says_nothing_the_name_decides(tmp_path: Path) -> None:
    assert real_interfaces(["lo", "eth0", "tun0", "veth1"], tmp_path) == {"eth0"}


def test_this_machine_does_not_count_its_loopback() -> None:
    names = [entry.name for entry in Path("/sys/class/net").iterdir()]

    assert "lo" in names
    assert "lo" not in real_interfaces(names, Path("/sys"))
