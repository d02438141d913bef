"""Pure function from a view model and a size to the lines of the display.

narrow              wide
┌─────────────┐     ┌──────────┬────────┐
│ status      │     │ status            │
│ readings    │     ├──────────┼────────┤
│ players     │     │ players  │readings│
│ notice, keys│     │ notice, keys      │
└─────────────┘     └──────────┴────────┘
"""

from deskwire.tui.connection_status import connection_status
from deskwire.tui.players import draw_players
from deskwire.tui.readings import one_column, reading_rows, two_columns
from deskwire.tui.spans import Line, Span, Tone, cells, fill, fit, single_line
from deskwire.tui.view_model import ViewModel

MIN_WIDE = 110
"""Width from which the readings stand beside the players."""
MIN_READINGS_WIDTH = 42
GAP = 4
KEYS = (
    ("space", "play/pause"),
    ("n", "next"),
    ("p", "previous"),
    ("s", "stop"),
    ("↑↓", "select"),
    ("q", "quit"),
)
PROMPT_KEYS = (("enter", "log in"), ("esc", "cancel"), ("ctrl-c", "quit"))


def render_screen(view: ViewModel, width: int, height: int) -> list[Line]:
    """Return exactly `height` lines of exactly `width` cells."""
    head = [_status_line(view, width), ()]
    text = single_line(view.prompt or view.notice)
    foot: list[Line] = [(Span(fit(text, width), Tone.WARN),), _key_line(view, width)]
    left = max(height - len(head) - len(foot), 0)
    body = (_wide if width >= MIN_WIDE else _narrow)(view, width, left)
    if view.stale:
        body = [tuple(_faded(span) for span in line) for line in body]
    body = body[:left] + [()] * (left - len(body))
    return [fill(line, width) for line in (*head, *body, *foot)][:height]


def _status_line(view: ViewModel, width: int) -> Line:
    text, tone = connection_status(view.state, view.now.boot)
    text = f"● {text}"
    text_width = min(cells(text), max(width - len("deskwire "), 0))
    name = fit("deskwire  " + single_line(view.address), width - text_width - 1)
    return (
        Span(name[:8], Tone.STRONG),
        Span(name[8:], Tone.FAINT),
        Span(" "),
        Span(fit(text, text_width), tone),
    )


def _key_line(view: ViewModel, width: int) -> Line:
    """Return as many keys as fit, always with the last one, which quits."""
    usable = KEYS if view.snapshot.players else KEYS[-1:]
    keys = list(PROMPT_KEYS if view.prompt else usable)
    while len(keys) > 1 and sum(cells(f"{key} {action}   ") for key, action in keys) - 3 > width:
        del keys[-2]
    spans: list[Span] = []
    for key, action in keys:
        spans += [Span(key, Tone.ACCENT), Span(f" {action}   ", Tone.FAINT)]
    return tuple(spans)


def _narrow(view: ViewModel, width: int, height: int) -> list[Line]:
    readings = two_columns(reading_rows(view.snapshot, view.trends), width)
    left = height - len(readings) - 1
    return [*readings, (), *draw_players(view, width, left)] if left > 0 else readings


def _wide(view: ViewModel, width: int, height: int) -> list[Line]:
    readings_width = max(MIN_READINGS_WIDTH, width // 3)
    readings = one_column(reading_rows(view.snapshot, view.trends), readings_width)
    players_width = width - readings_width - GAP
    players = draw_players(view, players_width, height)
    longer = max(len(players), len(readings))
    players += [()] * (longer - len(players))
    readings += [()] * (longer - len(readings))
    return [
        (*fill(one, players_width), Span(" " * GAP), *fill(other, readings_width))
        for one, other in zip(players, readings, strict=True)
    ]


def _faded(span: Span) -> Span:
    """Return a span of the last known state. The renderer fades pictures itself."""
    if span.tone is Tone.COVER:
        return span
    if span.front is None or span.back is None:
        return span._replace(tone=Tone.FAINT)
    return span._replace(front=(sum(span.front) // 6,) * 3, back=(sum(span.back) // 6,) * 3)
