"""State machine for the position of one player: how it advances, and when to ask the player again.

It is pure: the caller passes the time (CLOCK_MONOTONIC) and asks the player at `next_check()`.
docs/explanation/positions.md has the table of states and events, with recorded examples.

Players do not signal their position, and neither their signals nor their answers can be trusted
alone. Some answer with the old position for up to 300 ms after a seek, some name the old position
in `Seeked`, some seek or repeat a track without a signal. So a position is extrapolated, and the
player is asked again after each signal, at the end of a track and every few seconds.
"""

from enum import StrEnum
from typing import NamedTuple

from deskwire.model.readings import Position
from deskwire.model.units import Seconds

AFTER_NEWS = (0.0, 0.6, 1.5)
"""Seconds after a change of track, status or rate at which to ask."""
AFTER_SEEK = (0.0, 0.05, 0.25, 0.6)
"""Seconds after `Seeked` at which to ask; the answers after the first agreement are not needed."""
CHECK_INTERVAL = Seconds(3.0)
STALLED_INTERVAL = Seconds(1.0)
END_MARGIN = Seconds(0.25)
"""Time after the end of a track at which to ask."""
JUMP_THRESHOLD = Seconds(0.1)
"""Players round, and messages are delayed: after a signal, a smaller difference is not a jump."""
DRIFT_THRESHOLD = Seconds(0.5)
"""Without a signal, a smaller difference is not a jump."""
NEAR = Seconds(1.0)
"""Largest difference of two positions that count as the same after a seek."""
EXPLAINED_AFTER = Seconds(0.25)
"""Time after the last planned question in which an answer still belongs to the signal."""
STANDSTILL = 0.25
"""A position that advances more slowly than this part of its rate stands still."""
SLOWEST = 0.005
"""A slower rate counts as 0; some players send a number that they never initialized."""


class Motion(StrEnum):
    """State of the position."""

    STILL = "still"
    """The player does not play."""
    RUNNING = "running"
    """The position advances at the rate."""
    STALLED = "stalled"
    """The player says that it plays, but its position stands still: it loads data."""


class Finding(NamedTuple):
    """Result of a reading."""

    moved: bool
    """Whether the position jumped, or started or stopped to advance."""
    unexplained: bool
    """Whether no signal explains the reading, so that other properties may have changed too."""


class _Claim(NamedTuple):
    """Position named by `Seeked`, and the extrapolated position before it."""

    position: Position
    before: Position | None


class _Answer(NamedTuple):
    at: Seconds
    now: Seconds


class Playhead:
    """A position, initially unknown, and the times at which to ask for it."""

    def __init__(self) -> None:
        self.interval = CHECK_INTERVAL
        """Longest time between two questions."""
        self.position: Position | None = None
        self.motion = Motion.STILL
        self.rate = 1.0
        """Last rate above 0, in track seconds for each second; pauses do not change it."""
        self.duration: Seconds | None = None
        self._stopped_by_rate = True
        """Whether the last named rate was 0, or none was named."""
        self._plan: list[Seconds] = []
        """Times at which to ask because of a change."""
        self._seek_plan: list[Seconds] = []
        """Times at which to ask because of `Seeked`."""
        self._explained_until = Seconds(float("-inf"))
        self._asked_at = Seconds(float("-inf"))
        self._claim: _Claim | None = None
        self._last: _Answer | None = None
        """Last answer since the last change of motion."""
        self._has_fractions = False
        """Whether the player ever named a part of a second."""

    def reached(self, now: Seconds) -> Seconds | None:
        """Return the position at `now`, or `None` if unknown."""
        return None if self.position is None else self.position.reached(now, self.duration)

    # ---- signals ---------------------------------------------------------------------------------

    def on_playback(self, now: Seconds, *, playing: bool, rate: float | None) -> bool:
        """Take the status and the rate (`None` is unknown); return whether the motion changed."""
        before = self.motion, self.rate
        at = self.reached(now)
        stops = starts = False
        if rate is not None:
            starts = abs(rate) >= SLOWEST
            stops = not starts and not self._stopped_by_rate
            self._stopped_by_rate = not starts
            self.rate = rate if starts else self.rate
        if not playing:
            self.motion = Motion.STILL
        elif self.motion is Motion.STILL:
            # Firefox and Chromium still say 0 here, and send the true rate a moment later.
            self.motion = Motion.RUNNING
        elif stops:
            self.motion = Motion.STALLED
        elif starts:
            self.motion = Motion.RUNNING
        if (self.motion, self.rate) == before:
            return False
        self._last = None
        self._move_to(at, now)
        if self._claim is not None:
            claimed = self._claim.position.reached(now, self.duration)
            self._claim = _Claim(self._position(claimed, now), self._claim.before)
        return True

    def on_track(self, now: Seconds) -> None:
        """Start at 0, until the player names another position. An unknown position stays so."""
        self._claim = self._last = None
        self._seek_plan = []
        if self.motion is Motion.STALLED:
            self.motion = Motion.RUNNING
        self._move_to(None if self.position is None else Seconds(0.0), now)

    def on_news(self, now: Seconds, *, changed: bool) -> None:
        """Plan questions after a signal; a repetition may mean a seek (mpDris2) and needs one."""
        if changed:
            self._plan = [Seconds(now + after) for after in AFTER_NEWS]
        else:
            self._plan = [now, *self._plan]
        self._explain(self._plan)

    def on_seeked(self, now: Seconds, to: Seconds | None) -> None:
        """Plan questions after `Seeked` with this argument, `None` if it is malformed."""
        before = self.position if self._claim is None else self._claim.before
        self._claim = None if to is None else _Claim(self._position(to, now), before)
        self._last = None
        self._seek_plan = [Seconds(now + after) for after in AFTER_SEEK]
        self._explain(self._seek_plan)

    # ---- questions and answers -------------------------------------------------------------------

    def next_check(self) -> Seconds:
        """Return the time of the next question; in the past if it is due.

        The regular questions are at whole multiples of the interval, where other timers are due.
        """
        due = [self._regular(), *self._plan[:1], *self._seek_plan[:1]]
        if self.motion is Motion.STALLED:
            due.append(Seconds(self._asked_at + STALLED_INTERVAL))
        end = self._end()
        if end is not None and end > self._asked_at:
            due.append(end)
        return min(due)

    def is_planned(self, now: Seconds) -> bool:
        """Return whether a question is due because of a signal."""
        return any(due <= now for due in (*self._plan[:1], *self._seek_plan[:1]))

    def on_asked(self, now: Seconds) -> None:
        """Note that the player is asked now."""
        self._plan = [due for due in self._plan if due > now]
        self._seek_plan = [due for due in self._seek_plan if due > now]
        self._asked_at = now

    def on_no_answer(self, now: Seconds) -> Finding:
        """Use the position named by `Seeked`, if the player does not answer."""
        if self._claim is None:
            return Finding(moved=False, unexplained=False)
        claimed = self._claim.position.reached(now, self.duration)
        return Finding(self._correct(claimed, now, JUMP_THRESHOLD), unexplained=False)

    def on_signalled(self, at: Seconds, now: Seconds) -> Finding:
        """Take a position that the player signalled."""
        self._claim = None
        self._explained_until = max(self._explained_until, now)
        return self.on_answer(at, now)

    def on_answer(self, at: Seconds, now: Seconds) -> Finding:
        """Take the player's answer."""
        explained = now <= self._explained_until
        beyond = self.duration is not None and at > self.duration + END_MARGIN
        self._has_fractions = self._has_fractions or at % 1 != 0
        had_claim = self._claim is not None
        last, self._last = self._last, _Answer(at, now)
        if had_claim:
            at = self._weigh_claim(at, now)
        elif self.motion is Motion.STALLED:
            return self._leave_stall(at, now, explained=explained)
        threshold = JUMP_THRESHOLD if explained else DRIFT_THRESHOLD
        if (
            not had_claim
            and self.motion is Motion.RUNNING
            and self._difference(at, now) > threshold
            and self._stands_still(at, now, last)
        ):
            self.motion = Motion.STALLED
        moved = self._correct(at, now, threshold)
        return Finding(moved, beyond or (moved and not explained))

    def _weigh_claim(self, at: Seconds, now: Seconds) -> Seconds:
        """Return the truer of an answer and the position named by `Seeked`."""
        assert self._claim is not None
        claimed = self._claim.position.reached(now, self.duration)
        before = self._claim.before
        old = None if before is None else before.reached(now, self.duration)
        is_old = old is not None and abs(at - old) < NEAR
        if old is not None and abs(claimed - old) < NEAR:
            self._claim = None  # cmus names the old position; the new one may come later
            self._seek_plan = self._seek_plan if is_old else []
        elif abs(at - claimed) < NEAR:
            self._claim = None
            self._seek_plan = []
        elif not self._seek_plan:
            self._claim = None  # the player had its time: what it says now is true
        elif is_old or at < NEAR:
            return claimed  # the player has not sought yet
        return at

    def _leave_stall(self, at: Seconds, now: Seconds, *, explained: bool) -> Finding:
        reached = self.reached(now)
        if reached is not None and at > reached + JUMP_THRESHOLD:
            self.motion = Motion.RUNNING
        moved = self._correct(at, now, JUMP_THRESHOLD)
        return Finding(moved, unexplained=moved and not explained)

    def _stands_still(self, at: Seconds, now: Seconds, last: _Answer | None) -> bool:
        if last is None or now - last.now < DRIFT_THRESHOLD:
            return False
        return abs(at - last.at) < STANDSTILL * abs(self.rate) * (now - last.now)

    def _correct(self, at: Seconds, now: Seconds, threshold: Seconds) -> bool:
        if self._difference(at, now) <= threshold:
            return False
        self._move_to(at, now)
        return True

    def _difference(self, at: Seconds, now: Seconds) -> float:
        """Return the distance of an answer from the extrapolated position."""
        reached = self.reached(now)
        if reached is None:
            return float("inf")
        if self.duration is not None:
            at = min(at, self.duration)
        if not self._has_fractions and at <= reached < at + 1:
            return 0.0  # the player counts in whole seconds (mpDris2)
        return abs(at - reached)

    def _regular(self) -> Seconds:
        """Return the time of the next regular question, 1 s after the last one or later."""
        if self._asked_at < 0:
            return self._asked_at
        return Seconds(((self._asked_at + 1) // self.interval + 1) * self.interval)

    def _end(self) -> Seconds | None:
        """Return the time to ask because the track ends."""
        if self.position is None or self.duration is None or self.position.rate <= 0:
            return None
        left = (self.duration - self.position.at) / self.position.rate
        return Seconds(self.position.read + max(left, 0.0) + END_MARGIN)

    def _explain(self, plan: list[Seconds]) -> None:
        """Take the answers to these questions as caused by a signal."""
        until = Seconds(plan[-1] + EXPLAINED_AFTER)
        self._explained_until = max(self._explained_until, until)

    def _move_to(self, at: Seconds | None, now: Seconds) -> None:
        self.position = None if at is None else self._position(at, now)

    def _position(self, at: Seconds, now: Seconds) -> Position:
        return Position(at, now, self.rate if self.motion is Motion.RUNNING else 0.0)
