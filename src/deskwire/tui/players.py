"""The players: the selected one large, with its cover; the others in two lines each.

What does not fit is scrolled so that the selected one is always there, and counted.
"""

from collections.abc import Sequence

from deskwire.model.readings import Player
from deskwire.model.units import Seconds
from deskwire.terminal.formatting import format_position
from deskwire.tui.cover import Cover, columns_of, half_blocks
from deskwire.tui.gauges import bar
from deskwire.tui.graphics import TerminalGraphics
from deskwire.tui.playheads import Playheads
from deskwire.tui.spans import Line, Span, Tone, cells, fill, fit, safe

MARK = "▌ "
SMALLEST_COVER = 5
LARGEST_COVER = 16


def draw_players(
    players: Sequence[Player],
    selected: int,
    cover: Cover | None,
    heads: Playheads,
    now: Seconds,
    *,
    canvas: TerminalGraphics,
    width: int,
    height: int,
) -> list[Line]:
    """Draw players in at most `height` lines; `now` is CLOCK_MONOTONIC."""
    if not players:
        return [fill((Span("Nothing plays.", Tone.FAINT),), width)][:height]
    blocks = [
        large(
            player,
            cover,
            heads.reached(player, now),
            canvas=canvas,
            width=width,
            height=_room(height, len(players)),
        )
        if at == selected
        else small(player, heads.reached(player, now), width)
        for at, player in enumerate(players)
    ]
    return _scrolled(blocks, selected, width, height)


def _room(height: int, many: int) -> int:
    """Return how many lines the selected one may take: what two others leave, if there are any."""
    return min(max(height - 3 * min(many - 1, 2), SMALLEST_COVER), height - (many > 1))


def large(
    player: Player,
    cover: Cover | None,
    at: Seconds | None,
    *,
    canvas: TerminalGraphics,
    width: int,
    height: int,
) -> list[Line]:
    """Draw the selected player."""
    rows = min(height, LARGEST_COVER)
    art: Sequence[Line] = ()
    if cover is not None and rows >= SMALLEST_COVER and width >= 40:
        rows = min(rows, width // 5)
        art = drawn(cover, canvas, columns_of(cover, rows, canvas.aspect), rows)
    mark = Span(MARK, Tone.ACCENT)
    beside = [(mark, *line, Span("  ")) for line in art] or [(mark,)]
    room = width - sum(cells(span.text) for span in beside[0])
    name = f"{sign(player)} {safe(player.name)}"
    words: list[Line] = [
        (
            Span(fit(name, room - len(player.id) - 1), _tone(player)),
            Span(" "),
            Span(safe(player.id), Tone.FAINT),
        ),
        (Span(fit(safe(player.title), room), Tone.STRONG),),
    ]
    under = [safe(part) for part in (player.artist, player.album or "") if part]
    words += [(Span(fit(part, room)),) for part in (under if art else [" — ".join(under)]) if part]
    progress = _progress(player, at, room)
    tall = max(len(art), min(len(words) + bool(progress), height))
    words = words[: max(tall - bool(progress), 1)]
    words += [()] * (tall - len(words) - bool(progress))
    if progress:
        words.append(progress)
    beside += [(mark,)] * (len(words) - len(beside))
    return [
        fill((*left, *fill(right, room)), width) for left, right in zip(beside, words, strict=True)
    ]


def drawn(cover: Cover, canvas: TerminalGraphics, columns: int, rows: int) -> Sequence[Line]:
    """Draw a cover in half blocks, or leave room for it."""
    if canvas.pixels:
        return [(Span(" " * columns, Tone.COVER),)] * rows
    return half_blocks(cover, columns, rows)


def small(player: Player, at: Seconds | None, width: int) -> list[Line]:
    """Draw another player."""
    room = width - len(MARK)
    name = f"{sign(player)} {safe(player.name)}"
    name = fit(name, min(cells(name), room // 3))
    track = " — ".join(safe(part) for part in (player.title, player.artist) if part)
    indent = Span(" " * len(MARK))
    rest = Span(fit(track, room - cells(name) - 2))
    first: Line = (indent, Span(name, _tone(player)), Span("  "), rest)
    progress = _progress(player, at, room)
    return [fill(first, width), *([fill((indent, *progress), width)] if progress else [])]


def sign(player: Player) -> str:
    """Return the sign for what a player does."""
    return "▶" if player.playing else "‖"


def _tone(player: Player) -> Tone:
    return Tone.GOOD if player.playing else Tone.FAINT


def _progress(player: Player, at: Seconds | None, width: int) -> Line:
    """Draw where it is; nothing where nobody knows."""
    if at is None:
        return ()
    if not player.duration:
        return (Span(format_position(at), Tone.FAINT),)
    whole = format_position(player.duration)
    now = fit(format_position(at), len(whole))
    room = max(width - 2 * len(whole) - 2, 0)
    return Span(f"{now} "), bar(at / player.duration, room), Span(f" {whole}", Tone.FAINT)


def _scrolled(blocks: Sequence[list[Line]], selected: int, width: int, height: int) -> list[Line]:
    """Stack blocks, an empty line between them, from one on that lets the selected one fit."""
    if sum(len(block) + 1 for block in blocks) - 1 <= height:
        first, last = 0, len(blocks)
    else:
        first = selected
        while first and _tall(blocks[first - 1 : selected + 1]) <= height - 1:
            first -= 1
        last = selected + 1
        while last < len(blocks) and _tall(blocks[first : last + 1]) <= height - 1:
            last += 1
    lines: list[Line] = []
    for block in blocks[first:last]:
        lines += [*([fill((), width)] if lines else []), *block]
    beyond = [
        f"{many} more {where}"
        for many, where in (
            (first, "above"),
            (len(blocks) - last, "below"),
        )
        if many
    ]
    if beyond:
        lines = lines[: height - 1]
        apart = [fill((), width)] if len(lines) < height - 1 else []
        words = Span(" " * len(MARK) + ", ".join(beyond), Tone.FAINT)
        lines = [*lines, *apart, fill((words,), width)]
    return lines[:height]


def _tall(blocks: Sequence[list[Line]]) -> int:
    return sum(len(block) + 1 for block in blocks)
