"""Sanitizer for text from players, clients and networks, before a terminal or a log shows it."""

import re

# Embeddings, overrides and isolates (Unicode Annex 9, section 2) change the direction of all text
# up to their end. Marks and joiners act only in place, and Persian and emoji need them.
_OBEYED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")


def printable(text: str) -> str:
    """Replace what a terminal obeys instead of printing it, line breaks included.

    Other spaces become a space, and all other characters stay.
    """
    return _SPACES.sub(" ", _OBEYED.sub("\N{REPLACEMENT CHARACTER}", text))
