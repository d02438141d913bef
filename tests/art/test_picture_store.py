from deskwire.art.picture import Art
from deskwire.art.picture_store import CAPACITY, RETENTION, PictureStore
from deskwire.model.readings import ArtKey

MIB = 1024 * 1024


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Kept(PictureStore):
    """Pictures of so many MiB, under a clock that is set."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.gone: list[str] = []
        super().__init__(self.gone.append, self.clock)

    def add(self, key: str, mebibytes: int = 1) -> bool:
        return self.hold(ArtKey(key), Art(bytes(mebibytes * MIB), "image/png", key))

    def has(self, key: str) -> bool:
        return self.find(ArtKey(key)) is not None


def test_a_picture_is_kept_while_it_is_named() -> None:
    kept = Kept()

    assert kept.add("a")
    kept.clock.now += 1_000_000

    assert kept.has("a")
    assert not kept.has("b")


def test_a_picture_goes_a_minute_after_it_was_last_named() -> None:
    kept = Kept()
    kept.add("a")
    kept.add("a")

    kept.release(ArtKey("a"))
    kept.clock.now += 1000
    assert kept.has("a")
    kept.release(ArtKey("a"))
    kept.clock.now += RETENTION
    assert kept.has("a")
    kept.clock.now += 0.1

    assert not kept.has("a")
    assert kept.gone == ["a"]
    assert kept.size == 0


def test_a_picture_named_again_in_time_stays() -> None:
    kept = Kept()
    kept.add("a")
    kept.release(ArtKey("a"))
    kept.clock.now += 59
    kept.add("a")
    kept.clock.now += 1000

    assert kept.has("a")


def test_what_nobody_asks_for_goes_when_another_comes() -> None:
    kept = Kept()
    kept.add("a")
    kept.release(ArtKey("a"))
    kept.clock.now += 61
    kept.add("b")

    assert kept.gone == ["a"]


def test_when_it_is_full_the_one_that_was_left_first_goes_first() -> None:
    kept = Kept()
    for number in range(4):
        kept.add(f"{number}", 8)
    for number in (2, 0, 1):
        kept.clock.now += 1
        kept.release(ArtKey(f"{number}"))

    assert kept.add("new", 8)

    assert kept.gone == ["2"]
    assert kept.size == CAPACITY


def test_when_all_is_named_there_is_no_room_for_one_more() -> None:
    kept = Kept()
    for number in range(4):
        kept.add(f"{number}", 8)

    assert not kept.add("new", 1)

    assert kept.gone == []
    assert kept.size == CAPACITY


def test_new_bytes_under_an_old_name_take_the_old_ones_place() -> None:
    kept = Kept()
    kept.add("a", 8)

    kept.hold(ArtKey("a"), Art(b"new", "image/png", "new"))

    found = kept.find(ArtKey("a"))
    assert found is not None
    assert found.content == b"new"
    assert kept.size == 3


def test_it_never_holds_more_than_it_may() -> None:
    kept = Kept()
    for number in range(500):
        kept.clock.now += 0.02
        kept.add(f"{number}", 1 + number % 8)
        kept.release(ArtKey(f"{number}"))
        assert kept.size <= CAPACITY
