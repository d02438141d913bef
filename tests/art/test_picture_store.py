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


def test_named_picture_stays_in_the_store() -> None:
    kept = Kept()

    assert kept.add("a")
    kept.clock.now += 1_000_000

    assert kept.has("a")
    assert not kept.has("b")


def test_picture_expires_a_minute_after_its_last_name() -> None:
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


def test_expired_picture_is_dropped_when_another_is_stored() -> None:
    kept = Kept()
    kept.add("a")
    kept.release(ArtKey("a"))
    kept.clock.now += 61
    kept.add("b")

    assert kept.gone == ["a"]


def test_full_store_drops_the_oldest_released_picture_first() -> None:
    kept = Kept()
    for number in range(4):
        kept.add(f"{number}", 8)
    for number in (2, 0, 1):
        kept.clock.now += 1
        kept.release(ArtKey(f"{number}"))

    assert kept.add("new", 8)

    assert kept.gone == ["2"]
    assert kept.size == CAPACITY


def test_full_store_of_named_pictures_refuses_another() -> None:
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


def test_store_never_exceeds_its_capacity() -> None:
    kept = Kept()
    for number in range(500):
        kept.clock.now += 0.02
        kept.add(f"{number}", 1 + number % 8)
        kept.release(ArtKey(f"{number}"))
        assert kept.size <= CAPACITY
