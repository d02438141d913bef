"""Sanitizer for text from players, clients and networks, before a terminal or a log shows it."""


def printable(text: str) -> str:
    """Replace each character that a terminal would obey instead of print, line breaks included."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
