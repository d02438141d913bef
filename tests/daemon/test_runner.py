import gc

from deskwire.daemon.runner import freeze_heap


def test_frozen_heap_is_not_collected_again() -> None:
    try:
        freeze_heap()
        frozen, tracked = gc.get_freeze_count(), len(gc.get_objects())
    finally:
        gc.unfreeze()

    assert tracked < frozen / 10
