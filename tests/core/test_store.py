import pytest

from deskwire.core.store import Store
from deskwire.model.readings import Memory, Player, Wifi
from deskwire.model.topics import Topic
from deskwire.model.units import Bytes

TOPICS = [Topic("memory", Memory), Topic("wifi", Wifi), Topic("players", tuple[Player, ...])]
OFF = Wifi("", connected=False)


def test_put_tells_whether_the_reading_differs() -> None:
    store = Store(TOPICS)

    assert store.put("memory", Memory(Bytes(1)))
    assert store.put("wifi", OFF)
    assert not store.put("wifi", OFF)
    assert store.select(["memory", "wifi"]) == {"memory": Memory(Bytes(1)), "wifi": OFF}


def test_absent_hardware_has_the_empty_reading_of_its_topic() -> None:
    store = Store(TOPICS)

    assert not store.put("wifi", None)
    assert not store.put("players", None)
    assert store.select(["wifi", "players"]) == {"wifi": None, "players": ()}


def test_revision_counts_the_changes() -> None:
    store = Store(TOPICS)

    store.put("memory", Memory(Bytes(1)))
    store.put("memory", Memory(Bytes(1)))
    store.put("wifi", OFF)

    assert store.revision == 2


def test_cleared_topic_has_its_empty_reading() -> None:
    store = Store(TOPICS)
    store.put("wifi", OFF)

    store.clear(["wifi", "memory"])

    assert store.revision == 2
    assert store.select(["wifi"]) == {"wifi": None}


def test_selected_readings_do_not_change_afterwards() -> None:
    store = Store(TOPICS)
    before = store.select(["wifi"])

    store.put("wifi", OFF)

    assert before == {"wifi": None}


def test_undeclared_topic_raises_key_error() -> None:
    with pytest.raises(KeyError):
        Store(TOPICS).put("barometer", None)
