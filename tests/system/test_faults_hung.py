"""All services of a desk hang at once while clients are connected, and then wake."""

from contextlib import ExitStack
from pathlib import Path
from signal import SIGCONT, SIGSTOP

from tests.support.client import Client, Socket, player_named
from tests.support.full_desktop import full_desktop
from tests.support.media import Media
from tests.support.processes import send_signal
from tests.support.time_scaling import patiently

ALL_KEYS = {
    "audio",
    "backlight",
    "battery",
    "cpu_absolute",
    "disk_bytes",
    "memory_bytes",
    "network",
}
ALL_KEYS |= {"uptime", "volume", "wifi"}
ALWAYS_PRESENT = {"audio", "cpu_absolute", "disk_bytes", "memory_bytes", "network", "uptime"}
BACK_WITHIN = 5.0


async def wait_until_complete(socket: Socket) -> None:
    """Wait for `stats` with every device and the player."""
    await socket.stats(
        lambda stats: set(stats) == ALL_KEYS and player_named(stats, "The Reason"),
        within=BACK_WITHIN,
    )


async def test_hung_services_delay_no_client_and_return_when_they_wake(
    media: Media, tmp_path: Path
) -> None:
    async with full_desktop(media, tmp_path) as desktop:
        with desktop.daemon() as daemon, ExitStack() as stopped:
            async with Client(daemon) as client, Client(daemon) as other, client.watch() as socket:
                await wait_until_complete(socket)
                player = player_named(await socket.stats(), "The Reason")["id"]
                for pid in desktop.services:
                    send_signal(pid, SIGSTOP)
                    stopped.callback(send_signal, pid, SIGCONT)
                since = socket.count
                sent = await socket.send("audio-play-pause", player)
                refused = await socket.error(since=since)
                delay, _ = await other.complete_stats(ALWAYS_PRESENT)
                await socket.more_frames(4)
                gap = socket.longest_gap(since)
                stopped.close()
                await wait_until_complete(socket)
                async with other.watch() as newcomer:
                    await wait_until_complete(newcomer)

    assert refused.code == "player_timeout"
    assert refused.at - sent < patiently(1.5)
    assert delay < patiently(0.3)
    assert gap < patiently(1.5)
