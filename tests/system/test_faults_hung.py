"""All that the desk asks stops answering, at once, under clients that watch; then it wakes up."""

import itertools
from contextlib import ExitStack
from pathlib import Path
from signal import SIGCONT, SIGSTOP

from tests.support.client import Client, Socket, player_named
from tests.support.full_desktop import full_desktop
from tests.support.media import Media
from tests.support.processes import send_signal
from tests.support.time_scaling import patiently

WHOLE = {"audio", "backlight", "battery", "cpu_absolute", "disk_bytes", "memory_bytes", "network"}
WHOLE |= {"uptime", "volume", "wifi"}
ALWAYS_THERE = {"audio", "cpu_absolute", "disk_bytes", "memory_bytes", "network", "uptime"}
BACK_WITHIN = 5.0


async def is_whole(screen: Socket) -> None:
    """Wait until everything is told."""
    await screen.stats(
        lambda stats: set(stats) == WHOLE and player_named(stats, "The Reason"), within=BACK_WITHIN
    )


async def test_hung_services_delay_no_client_and_return_when_they_wake(
    media: Media, tmp_path: Path
) -> None:
    async with full_desktop(media, tmp_path) as there:
        with there.daemon() as desk, ExitStack() as asleep:
            async with Client(desk) as client, Client(desk) as other, client.watch() as screen:
                await is_whole(screen)
                player = player_named(await screen.stats(), "The Reason")["id"]
                for pid in there.services:
                    send_signal(pid, SIGSTOP)
                    asleep.callback(send_signal, pid, SIGCONT)
                since = screen.count
                tapped = await screen.send("audio-play-pause", player)
                refused = await screen.error(since=since)
                delay, _ = await other.complete_stats(ALWAYS_THERE)
                await screen.frame(lambda _: True, since=screen.count + 3)
                gaps = [
                    later.at - sooner.at
                    for sooner, later in itertools.pairwise(screen.frames[since:])
                ]
                asleep.close()
                await is_whole(screen)
                async with other.watch() as newcomer:
                    await is_whole(newcomer)

    assert refused.code == "player_timeout"
    assert refused.at - tapped < patiently(1.5)
    assert delay < patiently(0.3)
    assert max(gaps) < patiently(1.5)
