"""Lines of Markdown, and the pictures they show."""

from collections.abc import Iterable, Sequence

from bench import results

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


def picture(name: str, said: str, drawn: str) -> Lines:
    """Keep a picture and return what shows it."""
    PICTURES.mkdir(exist_ok=True)
    (PICTURES / f"{name}.svg").write_text(drawn, encoding="utf-8")
    return [f"![{said}](plots/{name}.svg)", ""]
