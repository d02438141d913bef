import asyncio
import os
import socket
import struct
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.devices.kernel.uevents import Uevent, has_event, parse_uevent, uevents

PANEL = "/devices/pci0000:00/0000:00:02.0/drm/card0/card0-eDP-1/intel_backlight"
KERNEL = (
    f"change@{PANEL}\0ACTION=change\0DEVPATH={PANEL}\0SUBSYSTEM=backlight\0"
    "SOURCE=hotkey\0SEQNUM=4711\0"
).encode()


def libudev(properties: bytes) -> bytes:
    hashes = (0x11223344, 0x55667788, 0x02020202, 0x41424344)
    header = struct.pack("=8s8I", b"libudev\0", 0xCAFEFEED, 40, 40, len(properties), *hashes)
    return header + properties


FROM_UDEV = libudev(f"ACTION=remove\0SUBSYSTEM=power_supply\0DEVPATH={PANEL}\0".encode())

LISTEN_IN_A_NAMESPACE = """
import asyncio, pathlib, subprocess
from deskwire.devices.kernel.uevents import uevents

async def listen():
    heard = asyncio.Event()
    subprocess.run(["mount", "-t", "sysfs", "sysfs", "/sys"], check=True)
    with uevents(heard.set, "net"):
        pathlib.Path("/sys/class/net/lo/uevent").write_text("change")
        await asyncio.wait_for(heard.wait(), 20)

asyncio.run(listen())
"""


def test_the_kernels_message_is_read() -> None:
    assert parse_uevent(KERNEL) == Uevent("change", "backlight", PANEL)


def test_udevs_message_is_read() -> None:
    assert parse_uevent(FROM_UDEV) == Uevent("remove", "power_supply", PANEL)


@pytest.mark.parametrize("message", [b"", b"libudev\0", b"add@/x\0ACTION=add\0", b"\xff\0=\0=="])
def test_message_that_is_not_a_uevent_is_none(message: bytes) -> None:
    assert parse_uevent(message) is None


@given(st.binary() | st.binary().map(libudev) | st.binary().map(lambda rest: b"libudev\0" + rest))
def test_no_message_is_too_odd(message: bytes) -> None:
    assert isinstance(parse_uevent(message), Uevent | None)


def test_only_its_own_subsystem_counts_and_all_that_waits_is_read() -> None:
    kernel, ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours.setblocking(False)
    with kernel, ours:
        kernel.send(FROM_UDEV)
        kernel.send(KERNEL)
        kernel.send(b"nonsense")

        assert has_event(ours, "backlight")
        assert not has_event(ours, "backlight")
        kernel.send(KERNEL)
        assert not has_event(ours, "power_supply")


@pytest.mark.desktop
def test_uevent_of_the_real_kernel_is_received() -> None:
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    unshare = ["unshare", *as_root, "--net", "--mount"]

    done = subprocess.run(
        [*unshare, sys.executable, "-c", LISTEN_IN_A_NAMESPACE],
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )

    assert done.returncode == 0, done.stderr


async def test_without_netlink_no_event_and_no_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr("deskwire.devices.kernel.uevents.socket.socket", refuse)
    received = asyncio.Event()

    with uevents(received.set, "backlight"):
        await asyncio.sleep(0)

    assert not received.is_set()
