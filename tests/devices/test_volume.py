import asyncio
import signal
import socket
from collections.abc import Iterator
from contextlib import aclosing, closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.devices.sound.address import SoundServers
from deskwire.devices.sound.packets import Sink
from deskwire.devices.volume import VolumeDevice, parse_volume
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.readings import Volume
from deskwire.model.units import Percent
from tests.support.pipewire import PipeWire
from tests.support.pulse import Pulse
from tests.support.resources import resources
from tests.support.time_scaling import patiently
from tests.support.watching import patient, upcoming, wait_for


def volume(level: int) -> Volume:
    return Volume(Percent(level))


def free_port() -> int:
    """Return a port that nobody listens on."""
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
async def test_follows_the_default_sink(server: Pulse | PipeWire) -> None:
    source = VolumeDevice(resources(sound=SoundServers(server.address)))
    server.pactl("set-sink-volume", "speakers", "88%")

    async with aclosing(patient(source)) as readings:
        assert await upcoming(readings) == volume(88)
        assert source.via.lower().startswith("pulseaudio")
        server.pactl("set-sink-volume", "hdmi", "20%")
        server.pactl("set-sink-volume", "@DEFAULT_SINK@", "31%")
        assert await upcoming(readings) == volume(31)
        server.pactl("set-default-sink", "hdmi")
        assert await upcoming(readings) == volume(20)
        server.pactl("set-sink-volume", "hdmi", "150%")
        assert await upcoming(readings) == volume(150)


@pytest.mark.desktop
async def test_there_is_no_volume_while_there_is_no_sink(server: Pulse | PipeWire) -> None:
    modules = server.pactl("list", "modules", "short").splitlines()
    sinks = [line.split()[0] for line in modules if "module-null-sink" in line]

    async with aclosing(
        patient(VolumeDevice(resources(sound=SoundServers(server.address))))
    ) as readings:
        assert await upcoming(readings) == volume(100)
        for module in sinks:
            server.pactl("unload-module", module)
        await wait_for(readings, None)
        server.pactl("load-module", "module-null-sink", "sink_name=headphones")
        assert await upcoming(readings) == volume(100)


async def test_an_invented_sink_is_no_sink(pulse: Pulse) -> None:
    stand_in = pulse.pactl("load-module", "module-null-sink", "sink_name=auto_null")
    pulse.pactl("set-default-sink", "auto_null")

    async with aclosing(
        patient(VolumeDevice(resources(sound=SoundServers(pulse.address))))
    ) as readings:
        reading = await upcoming(readings)
    pulse.pactl("unload-module", stand_in)

    assert reading is None


async def test_muting_keeps_the_level_and_the_louder_channel_counts(pulse: Pulse) -> None:
    pulse.pactl("set-default-sink", "speakers")
    pulse.pactl("set-sink-volume", "speakers", "40%", "70%")
    pulse.pactl("set-sink-mute", "speakers", "1")

    async with aclosing(
        patient(VolumeDevice(resources(sound=SoundServers(pulse.address))))
    ) as readings:
        assert await upcoming(readings) == volume(70)
        pulse.pactl("set-sink-mute", "speakers", "0")
        pulse.pactl("set-sink-volume", "speakers", "30%", "20%")
        assert await upcoming(readings) == volume(30)


async def test_only_the_newest_of_many_changes_is_read(pulse: Pulse) -> None:
    pulse.pactl("set-default-sink", "speakers")
    pulse.pactl("set-sink-volume", "speakers", "5%")

    async with aclosing(
        patient(VolumeDevice(resources(sound=SoundServers(pulse.address))))
    ) as readings:
        assert await upcoming(readings) == volume(5)
        for level in range(10, 61, 10):
            pulse.pactl("set-sink-volume", "speakers", f"{level}%")
        assert await upcoming(readings) == volume(60)


async def test_a_quiet_desk_sets_no_timer(pulse: Pulse) -> None:
    loop = asyncio.get_running_loop()
    async with aclosing(
        patient(VolumeDevice(resources(sound=SoundServers(pulse.address))))
    ) as readings:
        await upcoming(readings)
        waiting = asyncio.ensure_future(anext(readings))
        await asyncio.sleep(0)

        timers = [timer for timer in loop._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    assert timers == []


async def test_a_watch_may_be_ended_at_any_moment(pulse: Pulse) -> None:
    complaints: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, complaint: complaints.append(complaint))
    async with aclosing(
        patient(VolumeDevice(resources(sound=SoundServers(pulse.address))))
    ) as readings:
        await upcoming(readings)  # the library is loaded

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
        async with aclosing(patient(source)) as readings:
            await upcoming(readings)
            pulse.kill()
            with pytest.raises(DeviceUnavailable, match="went away"):
                await upcoming(readings)

        with pytest.raises(DeviceUnavailable, match="no sound server"):
            await upcoming(source.watch())
        pulse.start()
        async with aclosing(patient(source)) as readings:
            assert await upcoming(readings) == volume(100)


@pytest.mark.desktop
async def test_pipewire_socket_can_close_and_reopen() -> None:
    with PipeWire() as pipewire:
        source = VolumeDevice(resources(sound=SoundServers(pipewire.address)))
        async with aclosing(patient(source)) as readings:
            await upcoming(readings)
            pipewire.kill("pipewire-pulse")
            with pytest.raises(DeviceUnavailable, match="went away"):
                await upcoming(readings)

        pipewire.start("pipewire-pulse")
        pipewire.add_sink("speakers")
        async with aclosing(patient(source)) as readings:
            await wait_for(readings, volume(100))


@pytest.mark.desktop
@pytest.mark.usefixtures("_hurried")
async def test_hung_server_blocks_no_caller() -> None:
    with Pulse() as pulse:
        source = VolumeDevice(resources(sound=SoundServers(pulse.address)))
        readings = patient(source)
        await upcoming(readings)
        pulse.send(signal.SIGSTOP)

        async with asyncio.timeout(patiently(2)):
            await readings.aclose()
        with pytest.raises(DeviceUnavailable, match="does not answer"):
            await upcoming(source.watch(), within=0.9)
        pulse.send(signal.SIGCONT)
        async with aclosing(patient(source)) as readings:
            assert await upcoming(readings) == volume(100)


@pytest.mark.desktop
async def test_a_server_that_hangs_in_an_answer_is_given_up() -> None:
    with Pulse() as pulse:
        async with aclosing(
            patient(VolumeDevice(resources(sound=SoundServers(pulse.address))))
        ) as readings:
            await upcoming(readings)
            pulse.pactl("set-sink-volume", "speakers", "7%")
            pulse.send(signal.SIGSTOP)

            with pytest.raises(DeviceUnavailable, match="does not answer"):
                await wait_for(readings, None)


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
            patient(VolumeDevice(resources(sound=SoundServers(address, cookie))))
        ) as readings:
            shown = await upcoming(readings)
        with pytest.raises(DeviceUnavailable, match="refuses access") as told:
            await upcoming(VolumeDevice(resources(sound=SoundServers(address))).watch())

    assert shown == volume(100)
    assert "cookie" in told.value.remedy


async def test_the_first_of_several_addresses_that_answers_is_used(pulse: Pulse) -> None:
    address = f"unix:/nowhere/native tcp:127.0.0.1:{free_port()} {pulse.address}"

    async with aclosing(patient(VolumeDevice(resources(sound=SoundServers(address))))) as readings:
        assert isinstance(await upcoming(readings), Volume)


async def test_something_else_that_listens_there_is_no_sound_server() -> None:
    async def speak_http(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(speak_http, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(DeviceUnavailable, match="went away"):
        await upcoming(VolumeDevice(resources(sound=SoundServers(f"tcp:127.0.0.1:{port}"))).watch())
    server.close()


@pytest.mark.parametrize("name", ["auto_null", "@DEFAULT_SINK@", "@NONE@"])
def test_a_stand_in_has_no_volume(name: str) -> None:
    assert parse_volume(Sink(name, (1.0, 1.0))) is None
    assert parse_volume(Sink("speakers", ())) is None


@given(st.lists(st.integers(0, 300), min_size=1, max_size=32))
def test_a_level_is_the_loudest_channels_whole_percent(levels: list[int]) -> None:
    sink = Sink("speakers", tuple(level / 100 for level in levels))

    assert parse_volume(sink) == volume(max(levels))


@pytest.mark.parametrize(("channel", "level"), [(0.4949, 49), (0.495, 50), (0.125, 13), (0.0, 0)])
def test_halves_are_rounded_up(channel: float, level: int) -> None:
    assert parse_volume(Sink("speakers", (channel,))) == volume(level)
