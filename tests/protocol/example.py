"""Example `stats` of the contract (protocol.md#stats) as text, and the snapshot behind it."""

from deskwire.model.readings import (
    ArtKey,
    Backlight,
    Battery,
    Cpu,
    Disk,
    Memory,
    Network,
    Player,
    PlayerId,
    Position,
    Snapshot,
    Uptime,
    Volume,
    Wifi,
)
from deskwire.model.units import Bytes, Percent, Seconds

CONTRACT_STATS = (
    '{"memory_bytes":11419623424,"cpu_absolute":18.8,"network":{"rx_bytes":3682862139,'
    '"tx_bytes":102412526},"uptime":11179,"disk_bytes":200050167808,"audio":[{"id":"player1",'
    '"name":"Chrome","playing":true,"artist":"Hoobastank","title":"The Reason","album":"Fallen",'
    '"art_url":"/v1/img/tmp/L3RtcC8ub3JnLmNocm9taXVtLkNocm9taXVtLk5Vbnl0bQ==","timestamp":115,'
    '"duration":232},{"id":"player2","name":"Firefox","playing":false,"artist":"Artist Name",'
    '"title":"Video Title","timestamp":1671,"duration":3215}],"wifi":{"ssid":"Bazinga! 5G",'
    '"connected":true},"battery":{"percentage":100,"plugged_in":true},"volume":88,"backlight":64}'
)
NOW = Seconds(1000)
CONTRACT_DESK = Snapshot(
    memory=Memory(Bytes(11419623424)),
    cpu=Cpu(Percent(18.8)),
    network=Network(Bytes(3682862139), Bytes(102412526)),
    uptime=Uptime(Seconds(11179)),
    disk=Disk(Bytes(200050167808)),
    players=(
        Player(
            id=PlayerId("player1"),
            name="Chrome",
            playing=True,
            artist="Hoobastank",
            title="The Reason",
            album="Fallen",
            art=ArtKey("/tmp/.org.chromium.Chromium.NUnytm"),
            position=Position(Seconds(115), NOW, 1.0),
            duration=Seconds(232),
        ),
        Player(
            id=PlayerId("player2"),
            name="Firefox",
            playing=False,
            artist="Artist Name",
            title="Video Title",
            position=Position(Seconds(1671), NOW, 0.0),
            duration=Seconds(3215),
        ),
    ),
    wifi=Wifi("Bazinga! 5G", connected=True),
    battery=Battery(Percent(100), plugged_in=True),
    volume=Volume(Percent(88)),
    backlight=Backlight(Percent(64)),
)
