import asyncio
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import aclosing, closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.core.command_router import CommandRouter
from deskwire.devices.sound.address import SoundServers
from deskwire.devices.sound.packets import (
    ErrorCode,
    Opcode,
    PacketParser,
    Sink,
    encode_packet,
    number,
    text,
)
from deskwire.devices.volume import (
    ChangeVolume,
    MuteVolume,
    SetVolume,
    VolumeDevice,
    parse_volume,
    scale_channels,
)
from deskwire.model.access import ALL_SCOPES, Grant, LoginId, Scope
from deskwire.model.problems import DeviceUnavailable, OutOfScope
from deskwire.model.readings import Volume
from deskwire.model.units import Percent, Seconds
from tests.support.devices import next_reading, resources, retried_watch, wait_for_reading
from tests.support.sound_servers import PipeWire, Pulse
from tests.support.time_scaling import patiently
from tests.support.waiting import until_async


def volume(level: int) -> Volume:
    return Volume(Percent(level))


def free_port() -> int:
    """Return a port without a listener."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture(scope="module")
def pulse() -> Iterator[Pulse]:
    with Pulse() as server:
        yield server


@pytest.fixture(params=[Pulse, PipeWire])
def server(request: pytest.FixtureRequest) -> Iterator[Pulse | PipeWire]:
    part: type[Pulse | PipeWire] = request.param
    with part() as server:
        yield server


@pytest.mark.desktop
async def test_reading_follows_the_default_sink(server: Pulse | PipeWire) -> None:
    source = VolumeDevice(resources(sound=SoundServers(server.address)))
    server.pactl("set-sink-volume", "speakers", "88%")

    async with aclosing(retried_watch(source)) as readings:
        assert await next_reading(readings) == volume(88)
        assert source.via.lower().startswith("pulseaudio")
        server.pactl("set-sink-volume", "hdmi", "20%")
        server.pactl("set-sink-volume", "@DEFAULT_SINK@", "31%")
        assert await next_reading(readings) == volume(31)
        server.pactl("set-default-sink", "hdmi")
        assert await next_reading(readings) == volume(20)
        server.pactl("set-sink-volume", "hdmi", "150%")
        assert await next_reading(readings) == volume(150)


@pytest.mark.desktop
async def test_volume_is_absent_without_a_sink(server: Pulse | PipeWire) -> None:
    modules = server.pactl("list", "modules", "short").splitlines()
    sinks = [line.split()[0] for line in modules if "module-null-sink" in line]

    async with aclosing(
        retried_watch(VolumeDevice(resources(sound=SoundServers(server.address))))
    ) as readings:
        assert await next_reading(readings) == volume(100)
        for module in sinks:
            server.pactl("unload-module", module)
        await wait_for_reading(readings, None)
        server.pactl("load-module", "module-null-sink", "sink_name=headphones")
        assert await next_reading(readings) == volume(100)


async def test_invented_sink_counts_as_absent(pulse: Pulse) -> None:
    stand_in = pulse.pactl("load-module", "module-null-sink", "sink_name=auto_null")
    pulse.pactl("set-default-sink", "auto_null")

    async with aclosing(
        retried_watch(VolumeDevice(resources(sound=SoundServers(pulse.address))))
    ) as readings:
        reading = await next_reading(readings)
    pulse.pactl("unload-module", stand_in)

    assert reading is None


async def test_level_is_that_of_the_loudest_channel_muted_or_not(pulse: Pulse) -> None:
    pulse.pactl("set-default-sink", "speakers")
    pulse.pactl("set-sink-volume", "speakers", "40%", "70%")
    pulse.pactl("set-sink-mute", "speakers", "1")

    async with aclosing(
        retried_watch(VolumeDevice(resources(sound=SoundServers(pulse.address))))
    ) as readings:
        assert await next_reading(readings) == Volume(Percent(70), muted=True)
        pulse.pactl("set-sink-mute", "speakers", "0")
        assert await next_reading(readings) == volume(70)
        pulse.pactl("set-sink-volume", "speakers", "30%", "20%")
        assert await next_reading(readings) == volume(30)


async def test_burst_of_changes_is_read_once(pulse: Pulse) -> None:
    pulse.pactl("set-default-sink", "speakers")
    pulse.pactl("set-sink-volume", "speakers", "5%")

    async with aclosing(
        retried_watch(VolumeDevice(resources(sound=SoundServers(pulse.address))))
    ) as readings:
        assert await next_reading(readings) == volume(5)
        for level in range(10, 61, 10):
            pulse.pactl("set-sink-volume", "speakers", f"{level}%")
        assert await next_reading(readings) == volume(60)


async def test_unchanged_volume_sets_no_timer(pulse: Pulse) -> None:
    loop = asyncio.get_running_loop()
    async with aclosing(
        retried_watch(VolumeDevice(resources(sound=SoundServers(pulse.address))))
    ) as readings:
        await next_reading(readings)
        waiting = asyncio.ensure_future(anext(readings))
        await asyncio.sleep(0)

        timers = [timer for timer in loop._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    assert timers == []


async def test_watch_can_be_cancelled_at_any_moment(pulse: Pulse) -> None:
    complaints: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, complaint: complaints.append(complaint))
    async with aclosing(
        retried_watch(VolumeDevice(resources(sound=SoundServers(pulse.address))))
    ) as readings:
        await next_reading(readings)  # the library is loaded

    for moment in range(60):
        readings = VolumeDevice(resources(sound=SoundServers(pulse.address))).watch()
        reading = asyncio.ensure_future(anext(readings))
        for _ in range(moment):
            await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait([reading])
        await readings.aclose()

    assert complaints == []


@pytest.mark.desktop
async def test_killed_server_is_reported_at_once_and_found_again() -> None:
    with Pulse() as pulse:
        source = VolumeDevice(resources(sound=SoundServers(pulse.address)))
        async with aclosing(retried_watch(source)) as readings:
            await next_reading(readings)
            pulse.kill()
            with pytest.raises(DeviceUnavailable, match="went away"):
                await next_reading(readings)

        with pytest.raises(DeviceUnavailable, match="no sound server"):
            await next_reading(source.watch())
        pulse.start()
        async with aclosing(retried_watch(source)) as readings:
            assert await next_reading(readings) == volume(100)


@pytest.mark.desktop
async def test_pipewire_socket_can_close_and_reopen() -> None:
    with PipeWire() as pipewire:
        source = VolumeDevice(resources(sound=SoundServers(pipewire.address)))
        async with aclosing(retried_watch(source)) as readings:
            await next_reading(readings)
            pipewire.kill("pipewire-pulse")
            with pytest.raises(DeviceUnavailable, match="went away"):
                await next_reading(readings)

        pipewire.start("pipewire-pulse")
        pipewire.add_sink("speakers")
        async with aclosing(retried_watch(source)) as readings:
            await wait_for_reading(readings, volume(100))


@pytest.mark.desktop
@pytest.mark.usefixtures("_hurried")
async def test_hung_server_blocks_no_caller() -> None:
    with Pulse() as pulse:
        source = VolumeDevice(resources(sound=SoundServers(pulse.address)))
        readings = retried_watch(source)
        await next_reading(readings)
        pulse.send(signal.SIGSTOP)

        async with asyncio.timeout(patiently(2)):
            await readings.aclose()
        with pytest.raises(DeviceUnavailable, match="does not answer"):
            await next_reading(source.watch(), within=0.9)
        pulse.send(signal.SIGCONT)
        async with aclosing(retried_watch(source)) as readings:
            assert await next_reading(readings) == volume(100)


@pytest.mark.virtual_time
@pytest.mark.usefixtures("_hurried")
async def test_slow_server_is_read_by_the_watch_after_a_failed_one() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        packets = PacketParser()
        while data := await reader.read(1000):
            for packet in packets.feed(data):
                await asyncio.sleep(0.15)
                if packet.opcode == Opcode.GET_SERVER_INFO:
                    writer.write(encode_packet(Opcode.REPLY, packet.tag, text("slow")))
                elif packet.opcode == Opcode.GET_SINK_INFO:
                    refusal = number(ErrorCode.NO_ENTITY)
                    writer.write(encode_packet(Opcode.ERROR, packet.tag, refusal))
                else:
                    writer.write(encode_packet(Opcode.REPLY, packet.tag))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    source = VolumeDevice(resources(sound=SoundServers(f"tcp:127.0.0.1:{port}")))
    with pytest.raises(DeviceUnavailable, match="does not answer"):
        await next_reading(source.watch())

    async with aclosing(source.watch()) as readings:
        assert await next_reading(readings) is None
    server.close()


@pytest.mark.desktop
async def test_server_that_hangs_in_a_reply_is_unavailable() -> None:
    with Pulse() as pulse:
        async with aclosing(
            retried_watch(VolumeDevice(resources(sound=SoundServers(pulse.address))))
        ) as readings:
            await next_reading(readings)
            pulse.pactl("set-sink-volume", "speakers", "7%")
            pulse.send(signal.SIGSTOP)

            with pytest.raises(DeviceUnavailable, match="does not answer"):
                await wait_for_reading(readings, None)


@pytest.mark.desktop
async def test_cookie_is_sent_to_a_server_that_requires_one(tmp_path: Path) -> None:
    cookie = tmp_path / "cookie"
    cookie.write_bytes(b"c" * 256)
    with Pulse() as pulse:
        port = free_port()
        words = f"port={port} listen=127.0.0.1 auth-cookie={cookie}"
        pulse.pactl("load-module", "module-native-protocol-tcp", *words.split())
        address = f"tcp:127.0.0.1:{port}"

        async with aclosing(
            retried_watch(VolumeDevice(resources(sound=SoundServers(address, cookie))))
        ) as readings:
            shown = await next_reading(readings)
        with pytest.raises(DeviceUnavailable, match="refuses access") as raised:
            await next_reading(VolumeDevice(resources(sound=SoundServers(address))).watch())

    assert shown == volume(100)
    assert "cookie" in raised.value.remedy


async def test_first_address_with_a_server_is_used(pulse: Pulse) -> None:
    address = f"unix:/nowhere/native tcp:127.0.0.1:{free_port()} {pulse.address}"

    async with aclosing(
        retried_watch(VolumeDevice(resources(sound=SoundServers(address))))
    ) as readings:
        assert isinstance(await next_reading(readings), Volume)


async def test_server_of_another_protocol_is_unavailable() -> None:
    async def speak_http(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(speak_http, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(DeviceUnavailable, match="went away"):
        await next_reading(
            VolumeDevice(resources(sound=SoundServers(f"tcp:127.0.0.1:{port}"))).watch()
        )
    server.close()


@pytest.mark.parametrize("name", ["auto_null", "@DEFAULT_SINK@", "@NONE@"])
def test_stand_in_has_no_volume(name: str) -> None:
    assert parse_volume(Sink(0, name, (1.0, 1.0))) is None
    assert parse_volume(Sink(0, "speakers", ())) is None


@given(st.lists(st.integers(0, 300), min_size=1, max_size=32))
def test_level_is_the_whole_percent_of_the_loudest_channel(levels: list[int]) -> None:
    sink = Sink(0, "speakers", tuple(level / 100 for level in levels))

    assert parse_volume(sink) == volume(max(levels))


@pytest.mark.parametrize(("channel", "level"), [(0.4949, 49), (0.495, 50), (0.125, 13), (0.0, 0)])
def test_halves_are_rounded_up(channel: float, level: int) -> None:
    assert parse_volume(Sink(0, "speakers", (channel,))) == volume(level)


@given(
    st.lists(st.floats(0, 2), min_size=1, max_size=8),
    st.floats(allow_nan=True, allow_infinity=True),
)
def test_scaled_channels_keep_their_balance(channels: list[float], level: float) -> None:
    scaled = scale_channels(tuple(channels), Percent(level))

    wanted = min(max(level, 0.0), 100.0) / 100 if level == level else 0.0  # noqa: PLR0124 - NaN
    assert max(scaled) == pytest.approx(wanted)
    if max(channels) > 0:
        for before, after in zip(channels, scaled, strict=True):
            assert after == pytest.approx(wanted * before / max(channels))


def grant(*scopes: Scope) -> Grant:
    return Grant("ann", LoginId("login"), "jti", frozenset(scopes), Seconds(0))


EVERYTHING = grant(*ALL_SCOPES)


def level_of(server: Pulse | PipeWire) -> list[str]:
    return re.findall(r"(\d+)%", server.pactl("get-sink-volume", "@DEFAULT_SINK@"))


@pytest.mark.desktop
async def test_set_command_changes_the_level_and_keeps_the_balance(
    server: Pulse | PipeWire,
) -> None:
    device = VolumeDevice(resources(sound=SoundServers(server.address)))
    router = CommandRouter([device])
    server.pactl("set-sink-volume", "speakers", "80%", "40%")
    server.pactl("set-sink-volume", "hdmi", "10%")

    async with aclosing(retried_watch(device)) as readings:
        assert await next_reading(readings) == volume(80)
        await router.perform(SetVolume(Percent(30)), EVERYTHING)
        assert await next_reading(readings) == volume(30)

    assert level_of(server) == ["30", "15"]
    server.pactl("set-default-sink", "hdmi")
    assert level_of(server) == ["10", "10"]


@pytest.mark.desktop
async def test_mute_command_silences_the_output_and_keeps_the_level(
    server: Pulse | PipeWire,
) -> None:
    router = CommandRouter([VolumeDevice(resources(sound=SoundServers(server.address)))])
    server.pactl("set-sink-volume", "speakers", "55%")
    seen = []

    for muted in (True, True, False):
        await router.perform(MuteVolume(muted), EVERYTHING)
        seen.append(server.pactl("get-sink-mute", "@DEFAULT_SINK@"))

    assert seen == ["Mute: yes", "Mute: yes", "Mute: no"]
    assert level_of(server) == ["55", "55"]


@pytest.mark.desktop
@pytest.mark.parametrize(("level", "set_to"), [(-5, "0"), (0, "0"), (33.4, "33"), (250, "100")])
async def test_set_level_is_clamped_to_0_to_100(pulse: Pulse, level: float, set_to: str) -> None:
    device = VolumeDevice(resources(sound=SoundServers(pulse.address)))
    pulse.pactl("set-default-sink", "speakers")
    pulse.pactl("set-sink-volume", "speakers", "50%")

    await device.perform(SetVolume(Percent(level)))

    assert level_of(pulse) == [set_to, set_to]


@pytest.mark.desktop
@pytest.mark.parametrize(
    ("before", "by", "after"),
    [("50%", 5, "55"), ("50%", -5, "45"), ("98%", 5, "100"), ("2%", -5, "0"), ("100%", 5, "100"),
     ("140%", 5, "140"), ("140%", -50, "90"), ("140%", -20, "100"), ("0%", 7, "7")],
)  # fmt: skip
async def test_level_is_changed_by_a_step(pulse: Pulse, before: str, by: float, after: str) -> None:
    device = VolumeDevice(resources(sound=SoundServers(pulse.address)))
    pulse.pactl("set-default-sink", "speakers")
    pulse.pactl("set-sink-volume", "speakers", before)

    await device.perform(ChangeVolume(by))

    assert level_of(pulse) == [after, after]


@pytest.mark.desktop
async def test_level_can_be_raised_again_from_zero(pulse: Pulse) -> None:
    device = VolumeDevice(resources(sound=SoundServers(pulse.address)))
    pulse.pactl("set-default-sink", "speakers")
    pulse.pactl("set-sink-volume", "speakers", "0%")

    await device.perform(SetVolume(Percent(20)))

    assert level_of(pulse) == ["20", "20"]


@pytest.mark.desktop
async def test_watched_device_reads_and_writes_through_one_connection(pulse: Pulse) -> None:
    device = VolumeDevice(resources(sound=SoundServers(pulse.address)))

    def connections() -> int:
        return pulse.pactl("list", "clients").count('application.name = "deskwire"')

    async with aclosing(retried_watch(device)) as readings:
        await next_reading(readings)
        async with device._connected():
            watched = connections()
    async with device._connected():
        unwatched = connections()

    assert (watched, unwatched) == (1, 1)
    await until_async(lambda: connections() == 0)


@pytest.mark.desktop
async def test_command_without_an_output_is_unavailable(server: Pulse | PipeWire) -> None:
    device = VolumeDevice(resources(sound=SoundServers(server.address)))
    for line in server.pactl("list", "modules", "short").splitlines():
        if "module-null-sink" in line:
            server.pactl("unload-module", line.split()[0])

    with pytest.raises(DeviceUnavailable, match="no sound output"):
        await device.perform(SetVolume(Percent(30)))
    with pytest.raises(DeviceUnavailable, match="no sound output"):
        await device.perform(MuteVolume(True))


async def test_command_without_a_sound_server_is_unavailable() -> None:
    device = VolumeDevice(resources(sound=SoundServers("/nonexistent/native")))

    with pytest.raises(DeviceUnavailable, match="no sound server") as raised:
        await device.perform(MuteVolume(True))

    assert raised.value.code == "device_unavailable"


@pytest.mark.desktop
@pytest.mark.parametrize("watched", [True, False], ids=["watched", "not watched"])
async def test_command_to_a_hung_server_ends_in_time(watched: bool) -> None:
    with Pulse() as pulse:
        device = VolumeDevice(resources(sound=SoundServers(pulse.address)))
        readings = retried_watch(device)
        if watched:
            await next_reading(readings)
        pulse.send(signal.SIGSTOP)
        began = asyncio.get_running_loop().time()

        with pytest.raises(DeviceUnavailable, match="does not answer"):
            await device.perform(SetVolume(Percent(30)))

        assert asyncio.get_running_loop().time() - began < 1.5
        pulse.send(signal.SIGCONT)
        await readings.aclose()
        await device.perform(SetVolume(Percent(30)))


@pytest.mark.desktop
async def test_command_to_a_server_that_dies_is_unavailable() -> None:
    with Pulse() as pulse:
        device = VolumeDevice(resources(sound=SoundServers(pulse.address)))
        async with aclosing(retried_watch(device)) as readings:
            await next_reading(readings)
            pulse.send(signal.SIGSTOP)
            command = asyncio.create_task(device.perform(MuteVolume(True)))
            await asyncio.sleep(0.05)
            pulse.kill()
            with pytest.raises(DeviceUnavailable, match="went away"):
                await command


async def test_volume_commands_need_the_scope_control() -> None:
    router = CommandRouter([VolumeDevice(resources())])

    with pytest.raises(OutOfScope):
        await router.perform(SetVolume(Percent(30)), grant(Scope.MONITOR))
