"""Type checks of the client library: correct uses pass, wrong uses are errors.

This file is never run. `make check` type-checks it with the tests, and a test type-checks it
against the installed package. An unneeded `type: ignore` is an error, so each one proves that its
line is refused.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import assert_type

from deskwire.client import (
    Art,
    CaFile,
    ConnectionState,
    Desk,
    Login,
    Pinned,
    Player,
    Problem,
    Snapshot,
    SystemTrust,
    Trust,
    connect,
    sync,
)


async def right() -> None:
    """Use it as the how-to does."""
    async with connect("https://desk.local:8765", "owner", "password") as desk:
        assert_type(desk, Desk)
        assert_type(desk.snapshot, Snapshot)
        assert_type(desk.state, ConnectionState)
        async for snapshot in desk:
            assert_type(snapshot, Snapshot)
            for player in snapshot.players:
                assert_type(player, Player)
                await desk.play_pause(player)
                await desk.next(player.id)
        await desk.previous("player1")
        assert_type(await desk.art("player1"), Art | None)


def right_without_a_loop(stored: list[Login]) -> Iterator[Snapshot]:
    """The same for scripts."""
    with sync.connect("desk.local", "owner", "password", keep_login=stored.append) as desk:
        assert_type(desk, sync.Desk)
        assert_type(desk.snapshot, Snapshot)
        desk.stop("player1")
        yield from desk


async def ask(why: Problem | None) -> str | None:
    """Ask a person."""
    return None if why else "password"


def right_options() -> list[Desk]:
    """Every kind of trust and of password."""
    trusts: list[Trust] = [SystemTrust(), CaFile(Path("ca.pem")), Pinned("ab" * 32)]
    return [connect("desk.local", "owner", ask, trust=trust) for trust in trusts]


async def wrong() -> None:
    """Uses that a type checker refuses."""
    connect("desk.local", "owner")  # type: ignore[call-arg]
    connect("desk.local", "owner", 7)  # type: ignore[arg-type]
    connect("desk.local", "owner", "password", trust="ab:cd")  # type: ignore[arg-type]
    with connect("desk.local", "owner", "password"):  # type: ignore[attr-defined]
        pass
    desk = connect("desk.local", "owner", "password")
    await desk.play_pause(1)  # type: ignore[arg-type]
    desk.snapshot.volume.level  # type: ignore[union-attr]  # noqa: B018
    desk.snapshot.volume = None  # type: ignore[misc]
