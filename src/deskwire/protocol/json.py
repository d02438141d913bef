"""JSON text; an error of the parser becomes `Malformed`, without any of the input."""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from deskwire.model.problems import Malformed

T = TypeVar("T")

encode = msgspec.json.Encoder().encode


def decode(decoder: Callable[[str | bytes], T], text: str | bytes) -> T:
    """Decode a text with a typed decoder; raises `Malformed`."""
    try:
        return decoder(text)
    except msgspec.ValidationError:
        raise Malformed("a message needs `event` (string) and `args` (list of strings)") from None
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise Malformed("not JSON") from None
