"""The private bus and the player that other tests rely on."""

from tests.support.buses import PrivateBus
from tests.support.media import Media
from tests.support.mpv import Mpv


def test_restarted_bus_has_the_same_address(session_bus: PrivateBus) -> None:
    before = session_bus.address

    session_bus.kill()
    assert not session_bus.has("org.freedesktop.DBus")
    session_bus.restart()

    assert session_bus.address == before
    assert session_bus.has("org.freedesktop.DBus")


def test_two_players_have_different_bus_names(session_bus: PrivateBus, media: Media) -> None:
    with (
        Mpv(session_bus, [media.first.file]) as one,
        Mpv(session_bus, [media.bare.file], paused=True) as other,
    ):
        assert one.name != other.name
        assert (one.get("pause"), other.get("pause")) == (False, True)
        assert one.get("metadata/by-key/title") == media.first.title
        assert other.get("media-title") == media.bare.file.name
