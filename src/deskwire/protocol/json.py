"""JSON text, in and out. What cannot be read is `Malformed`, whatever the library calls it."""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from deskwire.model.problems import Malformed

T = TypeVar("T")

encode = msgspec.json.Encoder().encode


def read(decoder: Callable[[str | bytes], T], text: str | bytes) -> T:
    """Read a text; raises `Malformed`, which repeats none of it."""
    try:
        return decoder(text)
    except msgspec.ValidationError:
        raise Malformed("a message is an event (text) and args (a list of texts)") from None
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise Malformed("not JSON") from None
