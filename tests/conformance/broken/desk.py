"""Wrong in what it tells of the desk, its players and their pictures."""

import itertools
import json
from typing import Any

from aiohttp import web

from deskwire.art.picture import Art
from deskwire.core.command_router import CommandRouter
from deskwire.core.publisher import Publisher
from deskwire.model.access import Grant
from deskwire.model.commands import Command, Next, PlayerCommand, PlayPause, Stop
from deskwire.model.readings import PlayerId
from deskwire.model.units import Seconds
from deskwire.protocol.base.server_session import Perform
from deskwire.protocol.base.stats import art_key
from deskwire.protocol.websocket.serializer import text_frame
from deskwire.server.http import content
from deskwire.server.http.login_service import LoginService
from deskwire.server.websocket import endpoint as monitor
from deskwire.server.websocket.broadcaster import Broadcaster
from deskwire.server.websocket.connection import Connection
from deskwire.simulator import wiring
from deskwire.simulator.simulated_desk import SimulatedDesk
from deskwire.simulator.simulation import Simulation
from tests.conformance.broken.variant import (
    Patch,
    answers,
    breaks,
    errors,
    messages,
    players,
    stats,
    statuses,
)

ART = "/v1/img/tmp/"


@breaks("6.1")
def sends_an_object_instead_of_text(patch: Patch) -> None:
    messages(patch, lambda _, event, args: [(event, [json.loads(args[0])])])


@breaks("6.2")
def has_a_key_of_its_own(patch: Patch) -> None:
    stats(patch, lambda seen: seen.update(temperature=47))


@breaks("6.3")
def says_nothing_of_the_disk(patch: Patch) -> None:
    stats(patch, lambda seen: seen.pop("disk_bytes"))


@breaks("6.4")
def says_the_volume_in_halves(patch: Patch) -> None:
    stats(patch, lambda seen: seen.update(volume=87.5))


@breaks("6.5")
def says_null_for_what_it_has_not(patch: Patch) -> None:
    stats(patch, lambda seen: seen.update(backlight=None))


@breaks("6.6")
def says_the_wifi_later(patch: Patch) -> None:
    sent_to: set[Connection] = set()

    def change(connection: Connection, event: str, args: list[Any]) -> list[tuple[str, list[Any]]]:
        inner = json.loads(args[0])
        if connection not in sent_to:
            inner.pop("wifi")
        sent_to.add(connection)
        return [(event, [json.dumps(inner)])]

    messages(patch, change)


@breaks("6.7")
def speaks_every_third_second(patch: Patch) -> None:
    patch.setattr(wiring, "INTERVAL", Seconds(3))


@breaks("6.8")
def does_not_count_uptime(patch: Patch) -> None:
    stats(patch, lambda seen: seen.update(uptime=11179))


@breaks("6.9")
def forgets_what_it_received(patch: Patch) -> None:
    left = itertools.count(10**9, -1000)
    stats(patch, lambda seen: seen["network"].update(rx_bytes=next(left)))


@breaks("6.10")
def names_a_network_it_has_lost(patch: Patch) -> None:
    stats(patch, lambda seen: seen["wifi"].update(connected=False))


@breaks("6.11")
def leaves_out_the_artist(patch: Patch) -> None:
    players(patch, lambda player: player.pop("artist"))


@breaks("6.12")
def takes_the_name_for_the_id(patch: Patch) -> None:
    players(patch, lambda player: player.update(id=player["name"]))


@breaks("6.13")
def runs_past_the_end(patch: Patch) -> None:
    players(patch, lambda player: player.update(timestamp=player["duration"] + 3))


@breaks("6.14")
def does_not_count_on(patch: Patch) -> None:
    players(patch, lambda player: player.update(timestamp=7))


@breaks("6.15")
def leaves_out_the_padding(patch: Patch) -> None:
    def change(player: dict[str, Any]) -> None:
        if "art_url" in player:
            player["art_url"] = player["art_url"].rstrip("=")

    players(patch, change)


@breaks("6.16")
def tells_everybody_something_else(patch: Patch) -> None:
    loudness: dict[Connection, int] = {}

    def change(connection: Connection, event: str, args: list[Any]) -> list[tuple[str, list[Any]]]:
        inner = json.loads(args[0])
        inner["volume"] = loudness.setdefault(connection, len(loudness))
        return [(event, [json.dumps(inner)])]

    messages(patch, change)


# ---- commands ------------------------------------------------------------------------------------


@breaks("7.1")
def does_not_pause(patch: Patch) -> None:
    without(patch, PlayPause)


@breaks("7.2")
def tells_of_a_change_with_the_next_second(patch: Patch) -> None:
    patch.setattr(Publisher, "_publish_change", lambda _: None)


@breaks("7.3")
def says_that_it_obeyed(patch: Patch) -> None:
    original = monitor.SocketSession._perform

    async def perform(self: monitor.SocketSession, effect: Perform) -> None:
        await original(self, effect)
        self._connection.send(text_frame(b'{"event":"ok","args":[]}'))

    patch.setattr(monitor.SocketSession, "_perform", perform)


@breaks("7.4")
def pauses_all_of_them(patch: Patch) -> None:
    original = SimulatedDesk.perform

    async def perform(self: SimulatedDesk, command: PlayerCommand) -> None:
        await original(self, command)
        others = {"player1", "player2"} - {command.player}
        for other in others:
            await original(self, type(command)(PlayerId(other)))

    patch.setattr(SimulatedDesk, "perform", perform)


@breaks("7.5")
def has_another_code_for_an_unknown_player(patch: Patch) -> None:
    errors(patch, "unknown_player", "not_found")


@breaks("7.6")
def does_not_say_how_it_is_then(patch: Patch) -> None:
    patch.setattr(Broadcaster, "refresh", lambda *_: None)


@breaks("7.7")
def takes_any_case_for_the_same(patch: Patch) -> None:
    original = Simulation._find

    def find(self: Simulation, command: PlayerCommand) -> Any:
        return original(self, type(command)(PlayerId(command.player.lower())))

    patch.setattr(Simulation, "_find", find)


@breaks("7.10")
def lets_watchers_control(patch: Patch) -> None:
    async def perform(self: CommandRouter, command: Command, _: Grant) -> None:
        await self._devices[type(command)].perform(command)

    patch.setattr(CommandRouter, "perform", perform)


@breaks("7.11")
def does_not_skip(patch: Patch) -> None:
    without(patch, Next)


@breaks("7.12")
def does_not_stop(patch: Patch) -> None:
    without(patch, Stop)


def without(patch: Patch, command: type[PlayerCommand]) -> None:
    """Ignore one command."""
    original = SimulatedDesk.perform

    async def perform(self: SimulatedDesk, asked: PlayerCommand) -> None:
        if type(asked) is not command:
            await original(self, asked)

    patch.setattr(SimulatedDesk, "perform", perform)


# ---- art -----------------------------------------------------------------------------------------


@breaks("8.1")
def does_not_say_what_picture_it_is(patch: Patch) -> None:
    def change(request: web.BaseRequest, response: web.Response) -> None:
        if request.path.startswith(ART):
            response.content_type = "application/octet-stream"

    answers(patch, change)


@breaks("8.2")
def wants_a_login_token_for_art(patch: Patch) -> None:
    patch.setattr(LoginService, "check_any_token", LoginService.login)


@breaks("8.3")
def shows_art_to_anybody(patch: Patch) -> None:
    patch.setattr(LoginService, "check_any_token", lambda *_: None)


@breaks("8.4")
def marks_art_as_public_cache(patch: Patch) -> None:
    def change(request: web.BaseRequest, response: web.Response) -> None:
        if request.path.startswith(ART):
            response.headers["Cache-Control"] = "public, max-age=3600"

    answers(patch, change)


@breaks("8.5")
def sends_art_again(patch: Patch) -> None:
    patch.setattr(content, "_known_etags", lambda _: set())


@breaks("8.6")
def knows_padded_paths_only(patch: Patch) -> None:
    patch.setattr(content, "art_key", lambda text: art_key(text) if len(text) % 4 == 0 else None)


@breaks("8.7")
def opens_any_file(patch: Patch) -> None:
    original = SimulatedDesk.find

    def find(self: SimulatedDesk, key: str) -> Art | None:
        if key == "/etc/passwd":
            return Art(b"root:x:0:0", "text/plain", "1")
        return original(self, key)

    patch.setattr(SimulatedDesk, "find", find)


@breaks("8.8")
def fails_at_bad_base64(patch: Patch) -> None:
    statuses(patch, ART + "%", 404, 500)
