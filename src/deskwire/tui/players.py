"""Players: the selected one with its cover, the others on two lines each.

If not all players fit, the list scrolls with the selected one and counts the hidden ones.
"""

from collections.abc import Sequence

from deskwire.model.readings import Player
from deskwire.terminal.formatting import format_position
from deskwire.tui.cover import Cover, columns_of, half_blocks
from deskwire.tui.graphics import TerminalGraphics
from deskwire.tui.spans import Line, Span, Tone, bar, cells, fill, fit, single_line
from deskwire.tui.view_model import ViewModel

MARK = "▌ "
MIN_COVER_ROWS = 5
MAX_COVER_ROWS = 16
MIN_COVER_WIDTH = 40
"""Width of the list below which there is no cover."""


def draw_players(view: ViewModel, width: int, height: int) -> list[Line]:
    """Draw all players in at most `height` lines."""
    players = view.snapshot.players
    if not players:
        return [fill((Span("No players.", Tone.FAINT),), width)][:height]
    selected_height = _selected_height(height, len(players))
    blocks = [
        draw_selected(view, player, width, selected_height)
        if at == view.selected
        else draw_other(view, player, width)
        for at, player in enumerate(players)
    ]
    return _scroll(blocks, view.selected, width, height)


def _selected_height(height: int, count: int) -> int:
    """Return the lines for the selected player, with some left for up to two others."""
    return min(max(height - 3 * min(count - 1, 2), MIN_COVER_ROWS), height - (count > 1))


def draw_selected(view: ViewModel, player: Player, width: int, height: int) -> list[Line]:
    """Draw the selected player with its cover at the left."""
    cover, graphics = view.cover, view.graphics
    rows = min(height, MAX_COVER_ROWS)
    art: Sequence[Line] = ()
    if cover is not None and rows >= MIN_COVER_ROWS and width >= MIN_COVER_WIDTH:
        rows = min(rows, width // 5)
        art = draw_cover(cover, graphics, columns_of(cover, rows, graphics.aspect), rows)
    mark = Span(MARK, Tone.ACCENT)
    left = [(mark, *line, Span("  ")) for line in art] or [(mark,)]
    text_width = width - sum(cells(span.text) for span in left[0])
    name = f"{symbol(player)} {single_line(player.name)}"
    lines: list[Line] = [
        (
            Span(fit(name, text_width - len(player.id) - 1), _name_tone(player)),
            Span(" "),
            Span(single_line(player.id), Tone.FAINT),
        ),
        (Span(fit(single_line(player.title), text_width), Tone.STRONG),),
    ]
    credits_ = [single_line(part) for part in (player.artist, player.album or "") if part]
    credits_ = credits_ if art else [" — ".join(credits_)]
    lines += [(Span(fit(part, text_width)),) for part in credits_ if part]
    progress = _progress(view, player, text_width)
    block_height = max(len(art), min(len(lines) + bool(progress), height))
    lines = lines[: max(block_height - bool(progress), 1)]
    lines += [()] * (block_height - len(lines) - bool(progress))
    if progress:
        lines.append(progress)
    left += [(mark,)] * (len(lines) - len(left))
    return [
        fill((*beside, *fill(line, text_width)), width)
        for beside, line in zip(left, lines, strict=True)
    ]


def draw_cover(cover: Cover, graphics: TerminalGraphics, columns: int, rows: int) -> Sequence[Line]:
    """Draw a cover in half blocks, or leave its cells free for a picture."""
    if graphics.has_pictures:
        return [(Span(" " * columns, Tone.COVER),)] * rows
    return half_blocks(cover, columns, rows)


def draw_other(view: ViewModel, player: Player, width: int) -> list[Line]:
    """Draw a player that is not selected."""
    text_width = width - len(MARK)
    name = f"{symbol(player)} {single_line(player.name)}"
    name = fit(name, min(cells(name), text_width // 3))
    track = " — ".join(single_line(part) for part in (player.title, player.artist) if part)
    indent = Span(" " * len(MARK))
    rest = Span(fit(track, text_width - cells(name) - 2))
    first: Line = (indent, Span(name, _name_tone(player)), Span("  "), rest)
    progress = _progress(view, player, text_width)
    return [fill(first, width), *([fill((indent, *progress), width)] if progress else [])]


def symbol(player: Player) -> str:
    """Return the symbol for play or pause."""
    return "▶" if player.playing else "‖"


def _name_tone(player: Player) -> Tone:
    return Tone.GOOD if player.playing else Tone.FAINT


def _progress(view: ViewModel, player: Player, width: int) -> Line:
    """Draw the position as text and bar, or nothing if it is unknown."""
    position = view.playheads.position(player, view.monotonic)
    if position is None:
        return ()
    if not player.duration:
        return (Span(format_position(position), Tone.FAINT),)
    duration = format_position(player.duration)
    now = fit(format_position(position), len(duration))
    track = bar(position / player.duration, max(width - 2 * len(duration) - 2, 0))
    return Span(f"{now} "), track, Span(f" {duration}", Tone.FAINT)


def _scroll(blocks: Sequence[list[Line]], selected: int, width: int, height: int) -> list[Line]:
    """Stack blocks with blank lines between, scrolled so that the selected one fits."""
    if _stacked_height(blocks) - 1 <= height:
        first, last = 0, len(blocks)
    else:
        first = selected
        while first and _stacked_height(blocks[first - 1 : selected + 1]) <= height - 1:
            first -= 1
        last = selected + 1
        while last < len(blocks) and _stacked_height(blocks[first : last + 1]) <= height - 1:
            last += 1
    lines: list[Line] = []
    for block in blocks[first:last]:
        lines += [*([fill((), width)] if lines else []), *block]
    hidden = [
        f"{count} more {where}"
        for count, where in ((first, "above"), (len(blocks) - last, "below"))
        if count
    ]
    if hidden:
        lines = lines[: height - 1]
        blank = [fill((), width)] if len(lines) < height - 1 else []
        text = Span(" " * len(MARK) + ", ".join(hidden), Tone.FAINT)
        lines = [*lines, *blank, fill((text,), width)]
    return lines[:height]


def _stacked_height(blocks: Sequence[list[Line]]) -> int:
    return sum(len(block) + 1 for block in blocks)
