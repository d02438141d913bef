"""Cost of the page in a browser."""

from bench.markdown import Lines, short, table
from bench.results import Result


def page(result: Result) -> Lines:
    """Tell of the page."""
    return [
        "",
        "## The page",
        "",
        "In Debian's Chromium, headless, so that the processor draws every picture.",
        "",
        *table(
            ("", "measured", "usually", "goal"),
            [
                (
                    each["name"],
                    f"{short(each['value'])} {each['unit']}",
                    "" if each.get("usual") is None else short(each["usual"]),
                    f"≤ {each['goal']:g} {each['unit']}",
                )
                for each in result["figures"]
            ],
        ),
    ]
