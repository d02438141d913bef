"""Lines of Markdown, and the pictures they show."""

from collections.abc import Iterable, Sequence

from bench import plots, results

PICTURES = results.ROOT / "bench" / "plots"

Lines = list[str]


def table(heads: Iterable[str], rows: Iterable[Sequence[str]]) -> Lines:
    """Return a table."""
    heads = list(heads)
    return [
        f"| {' | '.join(heads)} |",
        f"|{'---|' * len(heads)}",
        *(f"| {' | '.join(cells)} |" for cells in rows),
    ]


def picture(name: str, text: str, drawn: "plots.Bars | plots.Curves") -> Lines:
    """Draw a figure and return the line that shows it."""
    plots.write(drawn, PICTURES / f"{name}.svg")
    return [f"![{text}](plots/{name}.svg)", ""]


def short(value: float) -> str:
    """Write a number with three digits that count, and no more."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        text = f"{value:,.0f}"
    else:
        text = f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
    return text
