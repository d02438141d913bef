import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from copy import deepcopy
from pathlib import Path

import pytest
from dbus_fast import Message, Variant
from hypothesis import given
from hypothesis import strategies as st

from deskwire.devices.backlight import BacklightDevice, SetBacklight, parse_level, raw_level
from deskwire.devices.dbus.buses import Buses
from deskwire.devices.dbus.logind import AUTO, LOGIND, MANAGER_PATH
from deskwire.devices.kernel.kernel_file import Roots
from deskwire.model.problems import DeviceUnavailable, OutOfScope
from deskwire.model.readings import Backlight
from deskwire.model.units import Percent
from tests.support.buses import FakeService, PrivateBus
from tests.support.devices import WatchProcess, next_reading, resources
from tests.support.testbed import SysTestbed


@pytest.fixture
def bed() -> Iterator[SysTestbed]:
    with SysTestbed() as bed:
        yield bed


def add_panel(bed: SysTestbed, level: int, name: str = "intel_backlight", kind: str = "raw") -> str:
    return bed.add(
        "backlight",
        name,
        type=kind,
        brightness=level,
        actual_brightness=level,
        max_brightness=1000,
    )


def tree(sys: Path, **panels: dict[str, object]) -> BacklightDevice:
    """Write a /sys with these panels.

    `parent` becomes the target of `device`, and `connectors` its DRM connectors.
    """
    for name, files in panels.items():
        folder = sys / "class" / "backlight" / name
        folder.mkdir(parents=True)
        parent = sys / "devices" / str(files.pop("parent", "card0"))
        parent.mkdir(parents=True, exist_ok=True)
        (parent / "enabled").write_text(f"{files.pop('enabled', 'enabled')}\n")
        connectors = files.pop("connectors", {})
        assert isinstance(connectors, dict)
        for connector, enabled in connectors.items():
            attribute = parent / "drm" / connector.partition("-")[0] / connector / "enabled"
            attribute.parent.mkdir(parents=True)
            attribute.write_text(f"{enabled}\n")
        (folder / "device").symlink_to(parent)
        for file, text in files.items():
            (folder / file).write_text(f"{text}\n")
    return BacklightDevice(resources(roots=Roots(sys=sys)))


def panel(level: int, kind: str = "raw", **more: object) -> dict[str, object]:
    return {
        "type": kind,
        "brightness": level,
        "actual_brightness": level,
        "max_brightness": 100,
        **more,
    }


async def shown(source: BacklightDevice) -> float | None:
    async with aclosing(source.watch()) as readings:
        reading = await next_reading(readings)
    return None if reading is None else reading.level


def test_change_is_announced_by_a_uevent(bed: SysTestbed) -> None:
    device = add_panel(bed, 640)

    with WatchProcess("backlight", bed.env(), polls=False) as follow_upower:
        assert follow_upower.next_reading().reading == {"level": 64}
        for level in range(10, 90, 10):
            bed.change(device, actual_brightness=10 * level, brightness=10 * level)
            assert follow_upower.next_reading().reading == {"level": level}


def test_a_panel_may_come_and_go(bed: SysTestbed) -> None:
    with WatchProcess("backlight", bed.env()) as follow_upower:
        assert follow_upower.next_reading().reading is None
        device = add_panel(bed, 300)
        assert follow_upower.next_reading().reading == {"level": 30}
        bed.remove(device)
        assert follow_upower.next_reading().reading is None


def test_a_better_interface_that_appears_is_read_from_then_on(bed: SysTestbed) -> None:
    add_panel(bed, 300)

    with WatchProcess("backlight", bed.env()) as follow_upower:
        assert follow_upower.next_reading().reading == {"level": 30}
        add_panel(bed, 700, "acpi_video0", "firmware")
        assert follow_upower.next_reading().reading == {"level": 70}


@pytest.mark.virtual_time
async def test_change_without_a_uevent_is_read_within_a_second(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    async with aclosing(tree(tmp_path, intel_backlight=panel(30)).watch()) as readings:
        assert await next_reading(readings) == Backlight(Percent(30))
        (tmp_path / "class/backlight/intel_backlight/actual_brightness").write_text("31\n")
        began = loop.time()
        seen = await next_reading(readings)
        took = loop.time() - began

    assert seen == Backlight(Percent(31))
    assert took < 1.1


async def test_a_desk_without_a_panel_has_no_brightness(tmp_path: Path) -> None:
    source = BacklightDevice(resources(roots=Roots(sys=tmp_path)))

    assert await shown(source) is None
    assert source.topic.absent == "no internal panel with a backlight"
    assert source.via == f"{tmp_path}/class/backlight"


async def test_firmware_comes_before_platform_before_raw(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    everything = tree(
        a, a_raw=panel(1), b_platform=panel(2, "platform"), c_firmware=panel(3, "firmware")
    )
    without_firmware = tree(b, a_raw=panel(1), b_platform=panel(2, "platform"))

    assert await shown(everything) == 3
    assert await shown(without_firmware) == 2


async def test_of_two_cards_the_one_that_drives_the_panel_is_read(tmp_path: Path) -> None:
    source = tree(
        tmp_path,
        amdgpu_bl1=panel(10, parent="card0-eDP-1", enabled="disabled"),
        nvidia_0=panel(90, parent="card1-eDP-2"),
    )

    assert await shown(source) == 90


@pytest.mark.parametrize(
    "others",
    [
        {"asus_screenpad": panel(10, parent="asus-nb-wmi")},
        {"asus_screenpad": panel(10, "platform", parent="asus-nb-wmi")},
        {"appledisplay0": panel(10, parent="2-1.3:1.0")},
        {"appletb_backlight": panel(10, "platform", parent="0003:05AC:8102.0003")},
        {"another": panel(10, "platform", parent="1-4:1.1")},
        {"another": panel(10, "firmware", parent="usb3/3-2/3-2:1.0/another")},
        {"another": panel(10, "platform", parent="0003:046D:C22D.0007")},
        {"card1-eDP-2-backlight": panel(10, parent="card1-eDP-2")},
        {"card1-eDP-10-backlight": panel(10, parent="card1-eDP-10")},
        {"a_touch_bar": panel(10, parent="card1-DSI-1")},
        {"a_old": panel(10, parent="card1-LVDS-1")},
        {"nvidia_0": panel(10, parent="0000:01:00.0")},
        {"a_raw": panel(10, parent="platform-thing")},
        {"acpi_video0": panel(10, "firmware", parent="card0-eDP-1", enabled="disabled")},
        {
            "acpi_video0": panel(
                10, "firmware", parent="0000:01:00.0", connectors={"card0-eDP-1": "disabled"}
            )
        },
    ],
    ids=lambda others: " ".join(f"{name} {files.get('parent')}" for name, files in others.items()),
)
async def test_panel_on_the_first_enabled_internal_connector_is_read(
    tmp_path: Path, others: dict[str, dict[str, object]]
) -> None:
    others = deepcopy(others)
    source = tree(tmp_path, **others, intel_backlight=panel(70, parent="card1-eDP-1"))

    assert await shown(source) == 70


async def test_graphics_card_with_an_enabled_internal_connector_is_read(tmp_path: Path) -> None:
    off = {"card0-eDP-1": "disabled", "card0-DP-1": "enabled"}
    on = {"card1-eDP-1": "enabled", "card1-HDMI-A-1": "disabled"}
    source = tree(
        tmp_path,
        acpi_video0=panel(10, "firmware", parent="0000:00:02.0", connectors=off),
        acpi_video1=panel(20, "firmware", parent="0000:01:00.0", connectors=on),
    )

    assert await shown(source) == 20


async def test_only_panel_is_read_even_if_its_connector_is_disabled(tmp_path: Path) -> None:
    source = tree(tmp_path, intel_backlight=panel(30, parent="card0-eDP-1", enabled="disabled"))

    assert await shown(source) == 30


@pytest.mark.parametrize(
    ("name", "parent"),
    [
        ("appledisplay0", "2-1.3:1.0"),
        ("asus_screenpad", "asus-nb-wmi"),
        ("ddcci7", "0-0037"),
        ("monitor", "usb1/1-2/1-2:1.0"),
        ("monitor", "card0-DP-1"),
        ("monitor", "card0-HDMI-A-1"),
    ],
)
async def test_another_screen_alone_is_no_panel(tmp_path: Path, name: str, parent: str) -> None:
    assert await shown(tree(tmp_path, **{name: panel(55, parent=parent)})) is None


@pytest.mark.virtual_time
async def test_panel_that_appears_without_a_uevent_is_found(tmp_path: Path) -> None:
    clock = asyncio.get_running_loop().time
    async with aclosing(tree(tmp_path).watch()) as readings:
        first = await next_reading(readings)
        tree(tmp_path, intel_backlight=panel(30))
        began = clock()
        then = await next_reading(readings)
        took = clock() - began

    assert (first, then) == (None, Backlight(Percent(30)))
    assert took < 2.1


@pytest.mark.virtual_time
async def test_better_panel_without_a_uevent_is_read_within_ten_seconds(tmp_path: Path) -> None:
    clock = asyncio.get_running_loop().time
    source = tree(
        tmp_path,
        amdgpu_bl1=panel(10, parent="card0-eDP-1", enabled="disabled"),
        nvidia_0=panel(90, parent="card1-eDP-2"),
    )
    async with aclosing(source.watch()) as readings:
        first = await next_reading(readings)
        (tmp_path / "devices/card0-eDP-1/enabled").write_text("enabled\n")
        (tmp_path / "devices/card1-eDP-2/enabled").write_text("disabled\n")
        began = clock()
        then = await next_reading(readings)
        took = clock() - began

    assert (first, then) == (Backlight(Percent(90)), Backlight(Percent(10)))
    assert took < 11.1


async def test_monitors_on_a_cable_are_left_out(tmp_path: Path) -> None:
    source = tree(
        tmp_path,
        amdgpu_bl0=panel(10, parent="card0-DP-3"),
        ddcci5=panel(20, "platform"),
        intel_backlight=panel(30, parent="card0-eDP-1"),
    )

    assert await shown(source) == 30


async def test_actual_brightness_is_used(tmp_path: Path) -> None:
    assert await shown(tree(tmp_path, cmpc_bl=panel(0, "platform", actual_brightness=5))) == 5


async def test_amdgpus_hardware_number_is_on_another_scale(tmp_path: Path) -> None:
    assert await shown(tree(tmp_path, amdgpu_bl0=panel(55, actual_brightness=34481))) == 55


@pytest.mark.parametrize("maximum", [0, -1, "", "much"])
async def test_an_interface_without_a_range_is_no_panel(tmp_path: Path, maximum: object) -> None:
    assert await shown(tree(tmp_path, eeepc=panel(0, max_brightness=maximum))) is None


async def test_an_old_driver_has_only_the_requested_brightness(tmp_path: Path) -> None:
    files = panel(42)
    del files["actual_brightness"]

    assert await shown(tree(tmp_path, old=files)) == 42


@given(st.integers(1, 1_000_000), st.integers(0, 100))
def test_a_whole_percent_is_read_back(maximum: int, percent: int) -> None:
    exact = Backlight(Percent(percent))

    assert parse_level(percent * maximum, 100 * maximum) == exact


@pytest.mark.parametrize(
    ("level", "maximum", "percent"),
    [(64, 100, 64), (1, 200, 1), (1, 201, 0), (7, 7, 100), (9, 7, 100), (-3, 7, 0)],
)
def test_halves_round_up_and_the_range_is_clamped(level: int, maximum: int, percent: int) -> None:
    assert parse_level(level, maximum) == Backlight(Percent(percent))


# ---- commands ------------------------------------------------------------------------------------

DBUS_ERROR = "org.freedesktop.DBus.Error."


class Logind(FakeService):
    """logind with one session, which writes the brightness as the kernel would."""

    def __init__(self, bus: PrivateBus, sys: Path) -> None:
        super().__init__(bus, LOGIND)
        self._sys = sys
        self.paths: list[str] = []
        """Paths of the sessions that were asked."""
        self.errors: dict[str, str] = {}
        """Error by path."""
        self.is_silent = False

    def handle(self, message: Message) -> Message | bool | None:
        match message.member:
            case "SetBrightness":
                return self._set_brightness(message)
            case "GetUser":
                return Message.new_method_return(message, "o", [f"{MANAGER_PATH}/user/self"])
            case "Get" if message.path == f"{MANAGER_PATH}/user/self":
                display = Variant("(so)", ["c1", f"{MANAGER_PATH}/session/c1"])
                return Message.new_method_return(message, "v", [display])
        return None

    def _set_brightness(self, message: Message) -> Message | bool:
        self.paths.append(message.path or "")
        if self.is_silent:
            return True
        if error := self.errors.get(message.path or ""):
            return Message.new_error(message, error, "scripted error")
        subsystem, name, level = message.body
        folder = self._sys / "class" / subsystem / name
        (folder / "actual_brightness").write_text(f"{level}\n")
        return Message.new_method_return(message)


def laptop(sys: Path, bus: PrivateBus) -> BacklightDevice:
    tree(sys, intel_backlight=panel(50))
    buses = Buses(session=None, system=bus.address)
    return BacklightDevice(resources(roots=Roots(sys=sys), buses=buses))


def level_of(sys: Path) -> str:
    return (sys / "class/backlight/intel_backlight/actual_brightness").read_text().strip()


@pytest.mark.parametrize(
    ("level", "maximum", "raw"),
    [(0, 1000, 10), (0.4, 1000, 10), (1, 1000, 10), (50, 1000, 500), (100, 1000, 1000),
     (0, 7, 1), (50, 7, 4), (100, 1, 1), (0, 96000, 960)],
)  # fmt: skip
def test_brightness_is_never_set_to_black(level: float, maximum: int, raw: int) -> None:
    assert raw_level(Percent(level), maximum) == raw


async def test_brightness_is_set_by_logind(tmp_path: Path, system_bus: PrivateBus) -> None:
    device = laptop(tmp_path, system_bus)
    async with Logind(system_bus, tmp_path) as logind:
        await device.perform(SetBacklight(Percent(72)))

    assert logind.paths == [AUTO]
    assert level_of(tmp_path) == "72"


async def test_daemon_outside_of_a_session_uses_the_display_session(
    tmp_path: Path, system_bus: PrivateBus
) -> None:
    device = laptop(tmp_path, system_bus)
    async with Logind(system_bus, tmp_path) as logind:
        logind.errors[AUTO] = f"{DBUS_ERROR}UnknownObject"
        await device.perform(SetBacklight(Percent(20)))

    assert logind.paths == [AUTO, f"{MANAGER_PATH}/session/c1"]
    assert level_of(tmp_path) == "20"


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (f"{DBUS_ERROR}AccessDenied", OutOfScope),
        (f"{DBUS_ERROR}InteractiveAuthorizationRequired", OutOfScope),
        ("org.freedesktop.PolicyKit1.Error.NotAuthorized", OutOfScope),
        (f"{DBUS_ERROR}Failed", DeviceUnavailable),
        ("org.freedesktop.login1.NotInControl", DeviceUnavailable),
    ],
)
async def test_refusal_of_logind_becomes_the_right_problem(
    tmp_path: Path, system_bus: PrivateBus, error: str, problem: type[Exception]
) -> None:
    device = laptop(tmp_path, system_bus)
    async with Logind(system_bus, tmp_path) as logind:
        logind.errors[AUTO] = error
        with pytest.raises(problem):
            await device.perform(SetBacklight(Percent(20)))

    assert level_of(tmp_path) == "50"


async def test_logind_that_hangs_or_is_missing_is_unavailable(
    tmp_path: Path, system_bus: PrivateBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deskwire.devices.backlight.COMMAND_TIMEOUT", 0.1)
    device = laptop(tmp_path, system_bus)
    async with Logind(system_bus, tmp_path) as logind:
        logind.is_silent = True
        with pytest.raises(DeviceUnavailable, match="does not answer"):
            await device.perform(SetBacklight(Percent(20)))
    with pytest.raises(DeviceUnavailable):
        await device.perform(SetBacklight(Percent(20)))


async def test_brightness_of_a_desk_without_a_panel_is_unavailable(tmp_path: Path) -> None:
    device = BacklightDevice(resources(roots=Roots(sys=tmp_path)))

    with pytest.raises(DeviceUnavailable, match="there is no internal panel"):
        await device.perform(SetBacklight(Percent(20)))
