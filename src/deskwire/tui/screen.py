"""The whole screen: a scene and a size in, lines out. Pure, so that a test can read it.

narrow              wide
┌─────────────┐     ┌──────────┬───────┐
│ status      │     │ status           │
│ numbers     │     ├──────────┼───────┤
│ players     │     │ players  │numbers│
│ news, keys  │     │ news, keys       │
└─────────────┘     └──────────┴───────┘
"""

from msgspec import Struct

from deskwire.client.connection_state import Phase, State
from deskwire.model.instant import Instant
from deskwire.model.readings import Snapshot
from deskwire.model.units import Seconds
from deskwire.tui.connection_status import connection_status
from deskwire.tui.cover import Cover
from deskwire.tui.graphics import TerminalGraphics
from deskwire.tui.players import draw_players
from deskwire.tui.playheads import Playheads
from deskwire.tui.readings import column, columns, rows
from deskwire.tui.spans import Line, Span, Tone, cells, fill, fit, safe
from deskwire.tui.trends import Trends

WIDE = 110
NUMBERS = 42
"""Columns of the numbers in the wide form, at least."""
KEYS = (
    ("space", "play/pause"),
    ("n", "next"),
    ("p", "previous"),
    ("s", "stop"),
    ("↑↓", "select"),
    ("q", "quit"),
)
ANSWERS = (("enter", "log in"), ("esc", "give up"), ("ctrl-c", "quit"))


class ViewModel(Struct, frozen=True, kw_only=True):
    """Everything the screen tells of, at one moment."""

    address: str
    snapshot: Snapshot
    state: State
    trends: Trends
    heads: Playheads
    selected: int = 0
    """Which of the players; 0 also where there is none."""
    cover: Cover | None = None
    """The selected player's."""
    canvas: TerminalGraphics = TerminalGraphics()
    """What it is painted with."""
    news: str = ""
    question: str = ""
    """It is asked in the place of news; then other keys are of use."""
    monotonic: Seconds
    """The moment on the players' clock; it stands still while the desk is away."""
    now: Instant

    @property
    def away(self) -> bool:
        """Whether this is how the desk was, not how it is."""
        return self.state.phase not in {Phase.LIVE, Phase.EXPIRING}


def render_screen(scene: ViewModel, width: int, height: int) -> list[Line]:
    """Return exactly `height` lines of exactly `width` cells."""
    head = [_top(scene, width), ()]
    words = scene.question or scene.news
    foot: list[Line] = [(Span(fit(safe(words), width), Tone.WARN),), _keys(scene, width)]
    room = max(height - len(head) - len(foot), 0)
    body = (_wide if width >= WIDE else _narrow)(scene, width, room)
    if scene.away:
        body = [tuple(_faded(span) for span in line) for line in body]
    body = body[:room] + [()] * (room - len(body))
    return [fill(line, width) for line in (*head, *body, *foot)][:height]


def _top(scene: ViewModel, width: int) -> Line:
    words, tone = connection_status(scene.state, scene.now.boot)
    words = f"● {words}"
    room = min(cells(words), max(width - len("deskwire "), 0))
    left = width - room - 1
    name = fit("deskwire  " + safe(scene.address), left)
    return (
        Span(name[:8], Tone.STRONG),
        Span(name[8:], Tone.FAINT),
        Span(" "),
        Span(fit(words, room), tone),
    )


def _keys(scene: ViewModel, width: int) -> Line:
    """Name the keys there is room for, the way out always."""
    fitting = KEYS if scene.snapshot.players else KEYS[-1:]
    keys = list(ANSWERS if scene.question else fitting)
    while len(keys) > 1 and sum(cells(f"{key} {does}   ") for key, does in keys) - 3 > width:
        del keys[-2]
    spans: list[Span] = []
    for key, does in keys:
        spans += [Span(key, Tone.ACCENT), Span(f" {does}   ", Tone.FAINT)]
    return tuple(spans)


def _narrow(scene: ViewModel, width: int, height: int) -> list[Line]:
    numbers = columns(rows(scene.snapshot, scene.trends), width)
    room = height - len(numbers) - 1
    return [*numbers, (), *_players(scene, width, room)] if room > 0 else numbers


def _wide(scene: ViewModel, width: int, height: int) -> list[Line]:
    wide = max(NUMBERS, width // 3)
    numbers = column(rows(scene.snapshot, scene.trends), wide)
    left = width - wide - 4
    players = _players(scene, left, height)
    many = max(len(players), len(numbers))
    players += [()] * (many - len(players))
    numbers += [()] * (many - len(numbers))
    return [
        (*fill(one, left), Span(" " * 4), *fill(other, wide))
        for one, other in zip(players, numbers, strict=True)
    ]


def _players(scene: ViewModel, width: int, height: int) -> list[Line]:
    return draw_players(
        scene.snapshot.players,
        scene.selected,
        scene.cover,
        scene.heads,
        scene.monotonic,
        canvas=scene.canvas,
        width=width,
        height=height,
    )


def _faded(span: Span) -> Span:
    """Show that this is how it was, not how it is; a picture is painted so."""
    if span.tone is Tone.COVER:
        return span
    if span.front is None or span.back is None:
        return span._replace(tone=Tone.FAINT)
    red, green, blue = (sum(span.front) // 6,) * 3
    below = (sum(span.back) // 6,) * 3
    return span._replace(front=(red, green, blue), back=below)
