"""Sources of settings: command-line flags, environment variables and the settings file.

Each source yields `ConfigValue`s for keys that exist. An unknown key is an error that names the
most similar key. Whether a value is valid is decided in `load`. The environment variable of a key
is `DESKWIRE_SECTION_KEY`. There a list is separated by commas, and a Boolean is `true`, `false`,
`1` or `0`.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

import msgspec

from deskwire.daemon import paths
from deskwire.daemon.config.settings import Settings
from deskwire.model.problems import Refused

PREFIX = "DESKWIRE_"


class BadSetting(Refused):
    """An unknown setting, or an invalid value; the message is one complete line."""

    code = "bad_setting"


class Key(NamedTuple):
    """Name of a setting."""

    section: str
    key: str

    def __str__(self) -> str:
        return f"{self.section}.{self.key}"

    @property
    def variable(self) -> str:
        """Name of the environment variable."""
        return f"{PREFIX}{self.section}_{self.key}".upper()

    @property
    def flag(self) -> str:
        """Name of the command-line option, which not every setting has."""
        return "--no-tls" if self == ("server", "tls") else "--" + self.key.replace("_", "-")


class ConfigValue(NamedTuple):
    """A value from one of the sources."""

    key: Key
    value: Any
    source: str
    """Place of the value: `--port`, `DESKWIRE_SERVER_PORT`, `/home/ann/config.toml:3`."""


SECTIONS: dict[str, type[msgspec.Struct]] = get_type_hints(Settings)
TYPES: dict[Key, Any] = {
    Key(section, key): hint
    for section, struct in SECTIONS.items()
    for key, hint in get_type_hints(struct, include_extras=True).items()
}
VARIABLES = {key.variable: key for key in TYPES}


def from_flags(flags: Mapping[str, Mapping[str, Any]]) -> Iterator[ConfigValue]:
    """Yield the values of command-line options."""
    for section, keys in flags.items():
        for name, value in keys.items():
            if value is not None:
                key = known_key(Key(section, name), f"--{name}")
                yield ConfigValue(key, value, key.flag)


def from_environ(environ: Mapping[str, str]) -> Iterator[ConfigValue]:
    """Yield the values of environment variables; raises `BadSetting`."""
    for variable, text in environ.items():
        if not variable.startswith(PREFIX):
            continue
        if variable not in VARIABLES:
            raise BadSetting(f"{variable}: no such setting{suggest(variable, VARIABLES)}")
        key = VARIABLES[variable]
        yield ConfigValue(key, from_text(text, TYPES[key]), variable)


def from_text(text: str, hint: Any) -> Any:
    """Convert a variable's text to this type; text that cannot be converted is returned as is."""
    kind = base_type(hint)
    if kind is bool:
        return {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)
    if get_origin(kind) in {tuple, frozenset}:
        return [part.strip() for part in text.split(",") if part.strip()]
    if kind in {int, float}:
        try:
            return kind(text)
        except ValueError:
            return text
    return text


def from_file(file: Path | None, environ: Mapping[str, str]) -> Iterator[ConfigValue]:
    """Yield the values of the settings file; raises `BadSetting`."""
    path = paths.config_file(environ) if file is None else paths.absolute_path(file, environ)
    try:
        text = path.read_text(encoding="utf-8-sig")  # some editors write a byte order mark
        tables = tomllib.loads(text)
    except FileNotFoundError:
        if file is None:
            return
        raise BadSetting(f"{path}: there is no such file (it was named by --config)") from None
    except OSError as problem:
        raise BadSetting(f"{path}: cannot be read: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise BadSetting(f"{path}: is not UTF-8 text") from None
    except (ValueError, RecursionError) as problem:
        raise BadSetting(f"{path}: is not TOML: {problem}") from None
    for section, keys in tables.items():
        if section not in SECTIONS:
            line = locate(path, text, section)
            raise BadSetting(f"{line}: {section}: no such section{suggest(section, SECTIONS)}")
        if not isinstance(keys, dict):
            line = locate(path, text, section)
            raise BadSetting(f"{line}: {section}: expected a section, found {display(keys)}")
        for name, value in keys.items():
            line = locate(path, text, section, name)
            yield ConfigValue(known_key(Key(section, name), line), value, line)


def locate(path: Path, text: str, section: str, key: str | None = None) -> str:
    """Return `path:line` of a section or of one of its keys, or only `path` if it is not found.

    It finds plain headers and keys, and `section.key = …`, but not every spelling of TOML.
    """
    here = None
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[+\s*([\w-]+)\s*\]+", line):
            here = header[1]
            if here == section and key is None:
                return f"{path}:{number}"
        elif assigned := re.match(r"\s*([\w-]+)(?:\s*\.\s*([\w-]+))?\s*=", line):
            within, name = (here, assigned[1]) if here else (assigned[1], assigned[2])
            if within == section and (key is None or name in {key, None}):
                return f"{path}:{number}"
    return str(path)


def known_key(key: Key, source: str) -> Key:
    """Return the key; raises `BadSetting` with the most similar key if it does not exist."""
    if key in TYPES:
        return key
    inside = [each.key for each in TYPES if each.section == key.section]
    elsewhere = [str(each) for each in TYPES if each.key == key.key]
    hint = suggest(key.key, inside, key.section) or (
        f'; did you mean "{elsewhere[0]}"?' if elsewhere else ""
    )
    raise BadSetting(f"{source}: {key}: no such setting{hint}")


def suggest(name: str, names: Iterable[str], section: str = "") -> str:
    """Return `; did you mean "…"?`, or an empty string if no name is similar."""
    import difflib  # noqa: PLC0415 - only an unknown key needs it

    found = difflib.get_close_matches(name, list(names), n=1, cutoff=0.7)
    whole = [f"{section}.{each}" if section else each for each in found]
    return f'; did you mean "{whole[0]}"?' if whole else ""


def display(value: Any) -> str:
    """Return a value on one line as in TOML, shortened if it is long."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return shorten(f"[{', '.join(map(display, value))}]")
    return shorten(f'"{value}"' if isinstance(value, str) and value.isprintable() else repr(value))


def shorten(text: str) -> str:
    """Return the text, or its first 79 characters if it is longer than 80."""
    return text if len(text) <= 80 else text[:79] + "…"


def base_type(hint: Any) -> Any:
    """Return the type under `Annotated` and `NewType`."""
    while get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    return getattr(hint, "__supertype__", hint)
