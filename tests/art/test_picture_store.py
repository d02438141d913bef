from deskwire.art.picture import Art
from deskwire.art.picture_store import CAPACITY, RETENTION, PictureStore
from deskwire.model.readings import ArtKey

MIB = 1024 * 1024


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class RecordingStore(PictureStore):
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
    stored = RecordingStore()

    assert stored.add("a")
    stored.clock.now += 1_000_000

    assert stored.has("a")
    assert not stored.has("b")


def test_picture_expires_a_minute_after_its_last_name() -> None:
    stored = RecordingStore()
    stored.add("a")
    stored.add("a")

    stored.release(ArtKey("a"))
    stored.clock.now += 1000
    assert stored.has("a")
    stored.release(ArtKey("a"))
    stored.clock.now += RETENTION
    assert stored.has("a")
    stored.clock.now += 0.1

    assert not stored.has("a")
    assert stored.gone == ["a"]
    assert stored.size == 0


def test_a_picture_named_again_in_time_stays() -> None:
    stored = RecordingStore()
    stored.add("a")
    stored.release(ArtKey("a"))
    stored.clock.now += 59
    stored.add("a")
    stored.clock.now += 1000

    assert stored.has("a")


def test_expired_picture_is_dropped_when_another_is_stored() -> None:
    stored = RecordingStore()
    stored.add("a")
    stored.release(ArtKey("a"))
    stored.clock.now += 61
    stored.add("b")

    assert stored.gone == ["a"]


def test_full_store_drops_the_oldest_released_picture_first() -> None:
    stored = RecordingStore()
    for number in range(4):
        stored.add(f"{number}", 8)
    for number in (2, 0, 1):
        stored.clock.now += 1
        stored.release(ArtKey(f"{number}"))

    assert stored.add("new", 8)

    assert stored.gone == ["2"]
    assert stored.size == CAPACITY


def test_full_store_of_named_pictures_refuses_another() -> None:
    stored = RecordingStore()
    for number in range(4):
        stored.add(f"{number}", 8)

    assert not stored.add("new", 1)

    assert stored.gone == []
    assert stored.size == CAPACITY


def test_new_bytes_under_an_old_name_take_the_old_ones_place() -> None:
    stored = RecordingStore()
    stored.add("a", 8)

    stored.hold(ArtKey("a"), Art(b"new", "image/png", "new"))

    found = stored.find(ArtKey("a"))
    assert found is not None
    assert found.content == b"new"
    assert stored.size == 3


def test_store_never_exceeds_its_capacity() -> None:
    stored = RecordingStore()
    for number in range(500):
        stored.clock.now += 0.02
        stored.add(f"{number}", 1 + number % 8)
        stored.release(ArtKey(f"{number}"))
        assert stored.size <= CAPACITY
