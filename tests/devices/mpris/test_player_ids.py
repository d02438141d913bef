from deskwire.devices.mpris.player_ids import PlayerIds, Process
from deskwire.model.readings import PlayerId
from deskwire.model.units import Seconds

NAMES = ["org.mpris.MediaPlayer2.mpv"]


class Ids(PlayerIds):
    """Ids on a bus, with the times short to write."""

    def __init__(self) -> None:
        super().__init__()
        self.reset("bus", [])

    def come(self, owner: str, process: Process = 7, *, at: float = 0.0, name: str = "a") -> str:
        return self.assign(owner, [name], process, Seconds(at))

    def go(self, owner: str, process: Process = 7, *, at: float = 0.0, name: str = "a") -> None:
        self.release(owner, [name], process, Seconds(at))


def test_ids_are_counted_and_stay() -> None:
    ids = Ids()

    assert [ids.come(":1.1"), ids.come(":1.2"), ids.come(":1.1")] == [
        "player1",
        "player2",
        "player1",
    ]
    assert ids.owner(PlayerId("player2")) == ":1.2"


def test_name_taken_again_within_two_seconds_keeps_the_id() -> None:
    ids = Ids()
    ids.come(":1.1")
    ids.go(":1.1", at=10.0)

    assert ids.owner(PlayerId("player1")) is None
    assert ids.come(":1.1", at=12.0) == "player1"


def test_name_taken_later_gets_a_new_id() -> None:
    ids = Ids()
    ids.come(":1.1")
    ids.go(":1.1", at=10.0)

    assert ids.come(":1.1", at=12.1) == "player2"


def test_another_process_or_another_name_is_another_player() -> None:
    ids = Ids()
    ids.come(":1.1")
    ids.go(":1.1", at=10.0)

    assert ids.come(":1.2", 8, at=10.1) == "player2"
    assert ids.come(":1.3", 7, at=10.1, name="b") == "player3"
    assert ids.come(":1.4", 7, at=10.1) == "player1"


def test_an_id_is_taken_up_once() -> None:
    ids = Ids()
    ids.assign(":1.1", ["a", "b"], 7, Seconds(0.0))
    ids.release(":1.1", ["a", "b"], 7, Seconds(1.0))

    assert ids.come(":1.2", at=1.1, name="b") == "player1"
    assert ids.come(":1.3", at=1.1, name="a") == "player2"


def test_a_double_inherits_the_id_and_never_two() -> None:
    ids = Ids()
    ids.come(":1.1")
    ids.come(":1.2")

    ids.transfer(":1.1", ":1.2")
    assert (ids.of(":1.1"), ids.of(":1.2")) == ("player1", "player2")
    ids.transfer(":1.1", ":1.3")
    assert (ids.of(":1.1"), ids.of(":1.3")) == (None, "player1")


def test_reset_forgets_absent_owners_and_a_new_bus_all() -> None:
    ids = Ids()
    ids.come(":1.1")
    ids.come(":1.2")

    ids.reset("bus", [":1.2", ":1.3"])
    assert (ids.of(":1.1"), ids.of(":1.2")) == (None, "player2")
    ids.reset("another", [":1.2"])

    assert ids.come(":1.2") == "player3"


def test_five_hundred_that_come_and_go_leave_nothing_behind() -> None:
    ids = Ids()
    seen = set()
    for number in range(500):
        seen.add(ids.come(f":1.{number}", number, at=number * 0.02))
        ids.go(f":1.{number}", number, at=number * 0.02)

    assert len(seen) == 500
    assert len(ids._by_owner) == 0
    assert len(ids._released) <= 101
    ids.go(":1.0", at=100.0)
    assert len(ids._released) == 0
