"""View models to draw: the example of the contract, also with other players."""

import io

from msgspec.structs import replace
from PIL import Image

from deskwire.client.desk_state import ConnectionState, Phase
from deskwire.model.instant import Instant
from deskwire.model.readings import Player, PlayerId, Snapshot
from deskwire.model.units import Seconds
from deskwire.protocol.base.stats import decode_snapshot
from deskwire.tui.readings import Trends
from deskwire.tui.view_model import Playheads, ViewModel
from tests.protocol.example import CONTRACT_STATS

BOOT = Seconds(1000)
MONOTONIC = Seconds(100)
LIVE = ConnectionState(phase=Phase.LIVE, ends=Seconds(BOOT + 1182))
TRENDS = Trends(
    cpu=tuple(float(at * 7 % 100) for at in range(60)),
    memory=tuple(10.5e9 + at * 2e7 for at in range(60)),
    received=tuple(float(at * 37_000 % 900_000) for at in range(60)),
    sent=(0.0,) * 60,
)


def example() -> Snapshot:
    """Return the snapshot of the contract's example."""
    return decode_snapshot(CONTRACT_STATS, MONOTONIC)


def player(number: int, **keys: object) -> Player:
    """Return a player."""
    base = Player(id=PlayerId(f"player{number}"), name="mpv", playing=False, title=f"Song {number}")
    return replace(base, **keys)


def view(snapshot: Snapshot | None = None, **keys: object) -> ViewModel:
    """Return a view model with a live connection, 18 seconds after the start of its session."""
    snapshot = snapshot or example()
    playheads = Playheads()
    playheads.update(snapshot)
    base = ViewModel(
        address="https://desk.local:8765",
        snapshot=snapshot,
        state=LIVE,
        trends=TRENDS,
        playheads=playheads,
        monotonic=MONOTONIC,
        now=Instant(wall=Seconds(0), boot=BOOT),
    )
    return replace(base, **keys)


def picture(width: int = 40, height: int = 40, kind: str = "PNG") -> bytes:
    """Return a picture with a red upper half and a blue lower half."""
    image = Image.new("RGB", (width, height), (255, 0, 0))
    image.paste((0, 0, 255), (0, height // 2, width, height))
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()
