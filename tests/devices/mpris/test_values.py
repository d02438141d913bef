import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.devices.mpris.values import (
    BROWSER_BRIDGE,
    LONGEST_TEXT,
    Status,
    Track,
    clean,
    file_name,
    is_player,
    parse_art,
    parse_length,
    parse_position,
    parse_rate,
    parse_status,
    parse_text,
    parse_track,
    short_name,
)


def test_a_whole_track_is_read() -> None:
    metadata = {
        "mpris:trackid": "/a/b",
        "mpris:length": 232_071_837,
        "mpris:artUrl": "file:///tmp/.org.chromium.Chromium.NUnytm",
        "xesam:title": "The Reason",
        "xesam:artist": ["Hoobastank"],
        "xesam:album": "Fallen",
        "xesam:url": "https://example.org/x",
        "xesam:genre": ["Rock"],
    }

    track = parse_track(metadata)

    assert track == Track(
        title="The Reason",
        artist="Hoobastank",
        album="Fallen",
        duration=track.duration,
        mark=("/a/b", "https://example.org/x"),
    )
    assert track.duration == 232.071837
    assert parse_art(metadata) == "file:///tmp/.org.chromium.Chromium.NUnytm"


@pytest.mark.parametrize(
    ("said", "artist"),
    [
        (["A", "B"], "A, B"),
        ("A", "A"),
        ([""], ""),
        ("", ""),
        (["", "A", 7, "\x07"], "A"),
        (None, ""),
        ({"a": "b"}, ""),
        (["x" * 600] * 50, "x" * 600 + ", " + "x" * 398),
    ],
)
def test_artists_are_a_list_or_a_text(said: object, artist: str) -> None:
    assert parse_track({"xesam:artist": said}).artist == artist


@pytest.mark.parametrize("said", ["", [""], None, 7])
def test_an_album_that_says_nothing_is_none(said: object) -> None:
    assert parse_track({"xesam:album": said}).album is None


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("file:///music/Caf%C3%A9%20%E2%98%95.mp3", "Café ☕.mp3"),
        ("file:///music/caf%E9.mp3", "caf\ufffd.mp3"),
        ("file:///music/who? me #1.mp3", "who? me #1.mp3"),
        ("file:///music/100%.mp3", "100%.mp3"),
        ("file:///media/dvd/", "dvd"),
        ("/music/100%25.mp3", "100%25.mp3"),
        ("cdda:///dev/cdrom", "cdrom"),
        ("https://radio.example/live/stream.mp3?token=secret#t=1", "stream.mp3"),
        ("https://ann:secret@radio.example/", "radio.example"),
        ("file:///a/b%0Ac%1B.mp3", "b c.mp3"),
        ("data:audio/mp3;base64,AAAA", ""),
        ("blob:https://example.org/1-2-3", ""),
        ("http://[", ""),
        ("x" * 20_000, ""),
        (7, ""),
        (None, ""),
    ],
)
def test_a_track_without_a_title_is_called_by_its_file(url: object, name: str) -> None:
    assert file_name(url) == name
    assert parse_track({"xesam:url": url}).title == name
    assert parse_track({"xesam:url": url, "xesam:title": "Title"}).title == "Title"


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (1_500_000, 1.5),
        (1_500_000.0, 1.5),
        (1_000_000, 1.0),
        (999_999, None),
        (400_000, None),
        (0, None),
        (-1, None),
        (-(2**63), None),
        (2**63 - 1, None),
        (2**64 - 1, None),
        (10**400, None),
        (math.nan, None),
        (math.inf, None),
        (True, None),
        ("1500000", None),
    ],
)
def test_unknown_length_is_none(said: object, seconds: float | None) -> None:
    assert parse_length(said) == seconds


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (1_500_000, 1.5),
        (0, 0.0),
        (-20_000, 0.0),
        (-(2**63), None),
        (2**63 - 1, None),
        (math.nan, None),
        (None, None),
        (False, None),
    ],
)
def test_a_position_is_within_reason(said: object, seconds: float | None) -> None:
    assert parse_position(said) == seconds


@pytest.mark.parametrize(
    ("said", "rate"),
    [
        (1.0, 1.0),
        (1.5, 1.5),
        (-2.0, -2.0),
        (2, 2.0),
        (0.0, 0.0),
        (math.nan, None),
        (4.66e-310, 4.66e-310),
        (1e9, None),
        ("1", None),
    ],
)
def test_rate_is_a_finite_number_of_sensible_size(said: object, rate: float | None) -> None:
    assert parse_rate(said) == rate


def test_only_the_three_states_are_states() -> None:
    assert parse_status("Playing") is Status.PLAYING
    assert parse_status("Paused") is Status.PAUSED
    assert {parse_status(said) for said in ("Stopped", "playing", "", None, 1)} == {Status.STOPPED}


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("org.mpris.MediaPlayer2.mpv", True),
        ("org.mpris.MediaPlayer2.firefox.instance_1_42", True),
        (BROWSER_BRIDGE, True),
        ("org.mpris.MediaPlayer2.playerctld", False),
        ("org.mpris.MediaPlayer2.kdeconnect.mpris_000001", False),
        ("org.mpris.MediaPlayer2.GSConnect.PixelSpotify", False),
        ("org.mpris.MediaPlayer2.Valent.Player1", False),
        ("org.mpris.MediaPlayer2.Valent_1.Music", False),
        ("org.mpris.MediaPlayer2.valent", False),
        ("org.mpris.MediaPlayer2.kdeconnect_mpris_1", False),
        ("org.mpris.MediaPlayer2.KDEConnect-phone", False),
        ("org.mpris.MediaPlayer2.gsconnect", False),
        ("org.mpris.MediaPlayer2.playerctld.instance7", False),
        ("org.mpris.MediaPlayer2.valentina", True),
        ("org.mpris.MediaPlayer2.Valent2", True),
        ("org.mpris.MediaPlayer2.my.Valent", True),
        ("org.mpris.MediaPlayer2", False),
        ("org.mpris.MediaPlayer2x.mpv", False),
    ],
)
def test_proxy_is_not_a_player(name: str, shown: bool) -> None:
    assert is_player(name) is shown


@pytest.mark.parametrize(
    ("metadata", "vacant"),
    [
        ({}, True),
        ({"mpris:length": 0}, True),
        ({"xesam:title": "", "xesam:artist": [""], "mpris:trackid": ""}, True),
        ({"mpris:trackid": "/org/mpris/MediaPlayer2/TrackList/NoTrack"}, True),
        ({"mpris:trackid": "/a/7"}, False),
        ({"mpris:length": 5_000_000}, False),
        ({"xesam:url": "data:audio/mp3;base64,AAAA"}, False),
        ({"xesam:album": "X"}, False),
    ],
)
def test_track_of_which_nothing_is_known_is_vacant(metadata: dict[str, Any], vacant: bool) -> None:
    assert parse_track(metadata).is_vacant is vacant


def test_a_player_has_a_short_name() -> None:
    assert short_name("org.mpris.MediaPlayer2.vlc.instance7") == "vlc"


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  The Reason ", "The Reason"),
        ("two\r\nlines\tand a tab", "two lines and a tab"),
        ("a\u2028b\u2029c\x85d", "a b c d"),
        ("bell\x07 esc\x1b[31m nul\x00 del\x7f c1\x9b", "bell esc[31m nul del c1"),
        ("\u202egnp.exe\u202c \u2067isolated\u2069", "gnp.exe isolated"),
        ("half\ud83c a pair\udf89", "half a pair"),
        ("عربي \u200fקמץ\u200e 👩\u200d🚀 e\u0301", "عربي \u200fקמץ\u200e 👩\u200d🚀 e\u0301"),
        ("x" * 5_000_000, "x" * LONGEST_TEXT),
        ("é" * 600, "é" * 500),
        ("aé" * 600, "aé" * 333 + "a"),
    ],
)
def test_a_text_becomes_one_clean_line(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@given(st.text(st.characters(exclude_categories=[])))
def test_any_text_becomes_one_that_can_be_written(text: str) -> None:
    cleaned = clean(text)

    assert len(cleaned.encode()) <= LONGEST_TEXT
    assert clean(cleaned) == cleaned
    assert not any(ord(character) < 32 for character in cleaned)


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
KEYS = st.sampled_from(
    [
        "mpris:trackid",
        "mpris:length",
        "mpris:artUrl",
        "xesam:title",
        "xesam:artist",
        "xesam:album",
        "xesam:url",
        "kde:pid",
    ]
)


@given(VALUES | st.dictionaries(KEYS, VALUES | st.text().map("http://".__add__)))
def test_metadata_of_any_types_is_survived(metadata: Any) -> None:
    track = parse_track(metadata)

    assert isinstance(parse_art(metadata), str)
    assert msgspec.json.decode(msgspec.json.encode(track), type=Track) == track
    assert track.duration is None or 0 < track.duration < math.inf


@given(VALUES)
def test_any_value_is_survived(value: Any) -> None:
    parse_status(value)
    parse_text(value)
    for parse in (parse_rate, parse_position, parse_length):
        found = parse(value)
        assert found is None or math.isfinite(found)
