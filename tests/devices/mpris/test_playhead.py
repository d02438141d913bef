"""The playhead in virtual time, against sequences recorded from real players."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from deskwire.devices.mpris.playhead import (
    AFTER_NEWS,
    AFTER_SEEK,
    CHECK_INTERVAL,
    DRIFT_THRESHOLD,
    END_MARGIN,
    JUMP_THRESHOLD,
    Finding,
    Motion,
    Playhead,
)
from deskwire.model.readings import Position
from deskwire.model.units import Seconds

START = 100.0
"""Time at which each simulation starts."""
STEP = 0.001
SIGNALLED, UNSIGNALLED = 1.0, 5.0
"""Seconds within which the shown position must be right again."""
TOLERANCE = 1.0


def at(seconds: float) -> Seconds:
    return Seconds(seconds)


class Part(NamedTuple):
    """From this time on, the track is at `position` and advances at `speed`."""

    time: float
    position: float
    speed: float = 1.0


class Simulation:
    """A player with a true position, wrong answers and signals; times count from the start."""

    def __init__(self, *truth: Part, playing: bool = True, duration: float | None = 300.0) -> None:
        self.truth = truth
        self.wrong: list[tuple[float, float, Callable[[float], float]]] = []
        """Answers that differ from the truth: from, until, and the position."""
        self.signals: list[tuple[float, Callable[[Playhead, Seconds], object]]] = []
        self.grace: list[tuple[float, float]] = []
        """Times from and until which the shown position may be wrong."""
        self.questions: list[float] = []
        self.findings: list[tuple[float, Finding]] = []
        self.shown: list[tuple[float, float]] = []
        self.playhead = Playhead()
        self.playhead.duration = None if duration is None else at(duration)
        self.playhead.on_playback(at(START), playing=playing, rate=1.0)
        self.playhead.on_asked(at(START))
        self.playhead.on_answer(at(self.true(0.0)), at(START))

    def true(self, time: float) -> float:
        """Return the true position."""
        part = max((each for each in self.truth if each.time <= time), key=lambda each: each.time)
        return part.position + (time - part.time) * part.speed

    def answer(self, time: float) -> float:
        """Return the answer to `Get(Position)`."""
        for begin, end, position in self.wrong:
            if begin <= time < end:
                return position(time)
        return self.true(time)

    def signal(self, time: float, event: Callable[[Playhead, Seconds], object]) -> None:
        """Send a signal."""
        self.signals.append((time, event))

    def run(self, seconds: float) -> "Simulation":
        """Run, and check the shown position at each step outside of the grace times."""
        signals = sorted(self.signals, key=lambda each: each[0])
        for step in range(round(seconds / STEP)):
            time = step * STEP
            now = at(START + time)
            while signals and signals[0][0] <= time:
                signals.pop(0)[1](self.playhead, now)
            if self.playhead.next_check() <= now:
                self.questions.append(time)
                self.playhead.on_asked(now)
                self.findings.append((time, self.playhead.on_answer(at(self.answer(time)), now)))
            shown, true = self.playhead.reached(now), self.true(time)
            assert shown is not None
            self.shown.append((time, shown))
            if not any(begin <= time < end for begin, end in self.grace):
                assert abs(shown - true) <= TOLERANCE, f"{shown:.2f}, not {true:.2f} at {time:.3f}"
        return self


def seeked(to: float) -> Callable[[Playhead, Seconds], object]:
    return lambda playhead, now: playhead.on_seeked(now, at(to))


def playback(*, playing: bool, rate: float | None) -> Callable[[Playhead, Seconds], object]:
    def event(playhead: Playhead, now: Seconds) -> None:
        changed = playhead.on_playback(now, playing=playing, rate=rate)
        playhead.on_news(now, changed=changed)

    return event


def track(playhead: Playhead, now: Seconds) -> None:
    playhead.on_track(now)
    playhead.on_news(now, changed=True)


# ---- recorded sequences --------------------------------------------------------------------------


class Seek(NamedTuple):
    """A seek to 40 s at 5.6 s into the track, which 5.6 s of playing reached."""

    player: str
    claims: float
    """Argument of `Seeked`, which follows 8 ms after the call."""
    wrong_for: float
    """Seconds for which `Get(Position)` is wrong."""
    wrong: Callable[[float], float] = lambda _: 0.0


SEEKS = (
    Seek("Strawberry", 40.0, 0.039),
    Seek("Lollypop", 40.0, 0.017),
    Seek("Audacious", 40.0, 0.045, lambda time: time),
    Seek("Clementine", 40.0, 0.300),
    Seek("cmus", 5.0, 0.0),
    Seek("mpv", 40.0, 0.0),
    Seek("a player that answers late with the old position, which stands", 40.0, 0.3, lambda _: 5),
    Seek("a player that names the old position and answers with it", 5.6, 0.2, lambda _: 5.6),
)


@pytest.mark.parametrize("seek", SEEKS, ids=lambda seek: seek.player)
def test_position_after_a_seek_is_right_within_a_second(seek: Seek) -> None:
    player = Simulation(Part(0.0, 0.0), Part(5.6, 40.0))
    player.wrong.append((5.6, 5.6 + seek.wrong_for, seek.wrong))
    player.signal(5.608, seeked(seek.claims))
    player.grace.append((5.6, 5.6 + SIGNALLED))

    player.run(30.0)


@pytest.mark.parametrize("seek", SEEKS, ids=lambda seek: seek.player)
def test_position_after_a_seek_to_the_beginning_is_right_within_a_second(seek: Seek) -> None:
    player = Simulation(Part(0.0, 80.0), Part(5.6, 0.0))
    player.wrong.append((5.6, 5.6 + seek.wrong_for, lambda time: 80.0 + time))
    player.signal(5.608, seeked(0.0 if seek.claims == 40.0 else 85.6))
    player.grace.append((5.6, 5.6 + SIGNALLED))

    player.run(30.0)


@pytest.mark.parametrize(
    ("name", "claims", "stays"),
    [("Audacious", 40.0, 0.19), ("Elisa", 34.0, 60.0), ("Strawberry", 40.0, 0.039)],
)
def test_position_after_a_seek_while_paused_is_right_within_a_second(
    name: str, claims: float, stays: float
) -> None:
    after = 24.0 if name == "Elisa" else claims
    player = Simulation(Part(0.0, 24.0, 0.0), Part(1.0, after, 0.0), playing=False)
    player.wrong.append((1.0, 1.0 + stays, lambda _: 24.0))
    player.signal(1.008, seeked(claims))
    player.grace.append((1.0, 1.0 + SIGNALLED))

    player.run(20.0)


def test_two_seeks_in_a_row_end_at_the_second() -> None:
    player = Simulation(Part(0.0, 0.0), Part(5.0, 40.0), Part(5.2, 90.0))
    player.wrong.append((5.0, 5.2, lambda _: 0.0))
    player.wrong.append((5.2, 5.4, lambda time: 35.0 + time))
    player.signal(5.008, seeked(40.0))
    player.signal(5.208, seeked(90.0))
    player.grace.append((5.0, 6.2))

    player.run(20.0)


@pytest.mark.parametrize("playing", [True, False], ids=["playing", "paused"])
def test_seek_without_a_signal_is_found_within_five_seconds(playing: bool) -> None:
    """Totem never sends `Seeked`; VLC, Rhythmbox and Celluloid send none while paused."""
    speed = 1.0 if playing else 0.0
    for moment in (2.0, 3.1, 5.9, 6.0, 7.5):
        parts = Part(0.0, 10.0, speed), Part(moment, 110.0, speed)
        player = Simulation(*parts, playing=playing)
        player.grace.append((moment, moment + UNSIGNALLED))

        player.run(20.0)
        (found,) = [each for each in player.findings if each[1].moved]
        assert found[1].unexplained


def test_repeated_track_starts_again_within_a_second() -> None:
    player = Simulation(Part(0.0, 0.0), Part(4.0, 0.0), Part(8.0, 0.0), duration=4.0)
    player.grace += [(4.0, 5.0), (8.0, 9.0)]

    player.run(12.0)


def test_track_without_a_length_header_is_asked_about_at_its_end() -> None:
    """VLC names 51.5 s, and 59.98 s when it is asked again."""
    player = Simulation(Part(0.0, 45.0), duration=51.502142)
    player.grace.append((7.0, 100.0))
    player.run(8.0)

    (_, finding) = player.findings[-1]
    assert finding.unexplained
    player.playhead.duration = at(59.984609)
    reached = player.playhead.reached(at(START + 8.0))
    assert reached == pytest.approx(53.0, abs=0.1)


def test_spurious_seeked_changes_nothing() -> None:
    """VLC sends `Seeked` about 300 ms into each track, and again after each seek."""
    player = Simulation(Part(0.0, 0.0))
    player.signal(0.0, track)
    player.signal(0.3, seeked(0.3))

    player.run(10.0)
    assert not any(finding.moved for _, finding in player.findings)


def test_stalled_video_stops_the_clock_until_the_rate_is_above_zero() -> None:
    """Chromium: `Rate: 0.0`, `Seeked(16115288)`, later `Rate: 1.0`, `Seeked(16210065)`."""
    player = Simulation(Part(0.0, 10.0), Part(6.1, 16.1, 0.0), Part(16.1, 16.2))
    player.signal(6.1, playback(playing=True, rate=0.0))
    player.signal(6.101, seeked(16.115288))
    player.signal(16.1, playback(playing=True, rate=1.0))
    player.signal(16.101, seeked(16.210065))

    player.run(30.0)
    during = [shown for time, shown in player.shown if 7.0 <= time < 16.0]
    assert max(during) - min(during) < 0.1


def test_stall_without_a_rate_stops_the_clock() -> None:
    player = Simulation(Part(0.0, 0.0), Part(8.0, 8.0, 0.0), Part(20.0, 8.0))
    player.grace += [(8.0, 13.0), (20.0, 21.5)]

    player.run(30.0)


@pytest.mark.parametrize("whole_seconds", [False, True])
def test_track_that_starts_late_stays_at_its_beginning(whole_seconds: bool) -> None:
    player = Simulation(Part(0.0, 90.0), Part(2.0, 0.0, 0.0), Part(5.0, 0.0))
    if whole_seconds:
        player.wrong.append((0.0, 100.0, lambda time: float(int(player.true(time)))))
    player.signal(2.0, track)
    player.grace += [(3.0, 3.6), (6.0, 7.1 if whole_seconds else 6.0)]

    player.run(20.0)


def test_chromium_resumes_with_the_rate_first() -> None:
    player = Simulation(Part(0.0, 10.0), Part(3.0, 13.0, 0.0), Part(9.0, 13.0))
    player.signal(3.0, playback(playing=False, rate=0.0))
    player.signal(9.0, playback(playing=False, rate=1.0))
    player.signal(9.001, playback(playing=True, rate=None))

    player.run(15.0)


def test_firefox_resumes_with_the_status_first_and_corrects_its_position_at_a_pause() -> None:
    player = Simulation(Part(0.0, 0.0), Part(4.0, 2.48, 0.0), Part(9.0, 2.48))
    player.signal(4.0, playback(playing=False, rate=0.0))
    player.signal(9.0, playback(playing=True, rate=None))
    player.signal(9.001, playback(playing=True, rate=1.0))

    player.run(15.0)
    assert player.playhead.motion is Motion.RUNNING


def test_whole_seconds_do_not_turn_the_clock_back() -> None:
    """MPD through mpDris2."""
    player = Simulation(Part(0.0, 0.0), Part(0.7, 0.7))
    player.wrong.append((0.0, 100.0, lambda time: float(int(player.true(time)))))
    for second in (2.3, 2.9, 5.5):
        player.signal(second, lambda playhead, now: playhead.on_news(now, changed=False))

    player.run(20.0)
    steps = [later[1] - sooner[1] for sooner, later in pairwise(player.shown)]
    assert min(steps) >= 0.0


def test_player_that_only_named_a_zero_rate_does_not_freeze() -> None:
    playhead = Playhead()
    playhead.on_playback(at(START), playing=True, rate=0.0)
    playhead.on_answer(at(5.0), at(START))
    playhead.on_playback(at(START + 1), playing=True, rate=0.0)

    assert playhead.motion is Motion.RUNNING
    assert playhead.reached(at(START + 2)) == 7.0


def test_rate_that_stays_zero_after_a_pause_does_not_freeze_a_player() -> None:
    playhead = Playhead()
    playhead.on_playback(at(START), playing=True, rate=1.5)
    playhead.on_playback(at(START + 1), playing=False, rate=0.0)
    playhead.on_playback(at(START + 2), playing=True, rate=None)
    playhead.on_playback(at(START + 3), playing=True, rate=0.0)

    assert (playhead.motion, playhead.rate) == (Motion.RUNNING, 1.5)


# ---- questions -----------------------------------------------------------------------------------


@pytest.mark.parametrize("playing", [True, False], ids=["playing", "paused"])
def test_undisturbed_player_is_asked_at_whole_multiples_of_the_interval(playing: bool) -> None:
    player = Simulation(Part(0.0, 0.0, 1.0 if playing else 0.0), playing=playing)

    player.run(20.0)
    assert player.questions == pytest.approx([2.0, 5.0, 8.0, 11.0, 14.0, 17.0], abs=0.01)
    assert not any(finding.moved for _, finding in player.findings)


def test_background_interval_is_respected() -> None:
    player = Simulation(Part(0.0, 0.0))
    player.playhead.interval = at(10.0)

    player.run(40.0)
    assert player.questions == pytest.approx([10.0, 20.0, 30.0], abs=0.01)


def test_end_of_a_track_is_asked_about_once() -> None:
    player = Simulation(Part(0.0, 0.0), Part(7.0, 7.0, 0.0), duration=7.0)

    player.run(20.0)
    assert player.questions == pytest.approx([2.0, 5.0, 7.25, 11.0, 14.0, 17.0], abs=0.01)


def test_agreeing_seek_is_one_question() -> None:
    player = Simulation(Part(0.0, 0.0), Part(2.5, 40.0))
    player.signal(2.5, seeked(40.0))

    player.run(5.0)
    assert player.questions == pytest.approx([2.0, 2.5], abs=0.01)


# ---- single steps --------------------------------------------------------------------------------


def test_position_is_unknown_at_first() -> None:
    playhead = Playhead()

    assert playhead.reached(at(100)) is None
    assert playhead.next_check() < at(0)
    assert playhead.on_answer(at(0), at(100)) == Finding(moved=True, unexplained=True)


def test_unknown_position_stays_unknown_at_a_new_track() -> None:
    playhead = Playhead()
    playhead.on_track(at(100))

    assert playhead.position is None


def test_position_advances_at_the_rate_only_while_playing() -> None:
    playhead = Playhead()
    playhead.duration = at(60)
    playhead.on_playback(at(100), playing=True, rate=1.5)
    playhead.on_signalled(at(10), at(100))

    assert playhead.reached(at(102)) == at(13)
    assert playhead.reached(at(200)) == at(60)
    playhead.on_playback(at(102), playing=False, rate=None)
    assert playhead.position == Position(at(13), at(102), 0.0)
    assert playhead.reached(at(200)) == at(13)


@pytest.mark.parametrize(
    ("signalled", "moved"), [(15.09, False), (14.91, False), (15.11, True), (10.0, True)]
)
def test_small_difference_is_not_a_jump(signalled: float, moved: bool) -> None:
    playhead = Playhead()
    playhead.on_playback(at(100), playing=True, rate=1.0)
    playhead.on_signalled(at(10.5), at(100.5))

    assert playhead.on_signalled(at(signalled), at(105)).moved is moved


@pytest.mark.parametrize(("answer", "moved"), [(15.45, False), (14.55, False), (15.55, True)])
def test_small_drift_without_a_signal_is_not_a_jump(answer: float, moved: bool) -> None:
    playhead = Playhead()
    playhead.on_playback(at(100), playing=True, rate=1.0)
    playhead.on_signalled(at(10.5), at(100.5))

    assert playhead.on_answer(at(answer), at(105)) == Finding(moved=moved, unexplained=moved)


def test_seek_of_a_player_that_does_not_answer_uses_the_argument() -> None:
    playhead = Playhead()
    playhead.on_playback(at(100), playing=True, rate=1.0)
    playhead.on_signalled(at(10), at(100))
    playhead.on_seeked(at(101), at(40))

    assert playhead.on_no_answer(at(102)).moved
    assert playhead.reached(at(102)) == at(41)


def test_page_about_positions_names_each_state_and_time() -> None:
    page = (Path(__file__).parents[3] / "docs/explanation/positions.md").read_text()
    times = (*AFTER_SEEK[1:], *AFTER_NEWS[1:], END_MARGIN, JUMP_THRESHOLD, DRIFT_THRESHOLD)

    assert [each for each in Motion if f"`{each}`" not in page] == []
    assert [each for each in times if f"{each:g} s" not in page] == []
    assert f"in {CHECK_INTERVAL:g} s" in page
