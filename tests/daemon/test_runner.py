import gc

from deskwire.daemon.runner import freeze_heap


def test_what_is_there_for_good_is_not_walked_through_again() -> None:
    try:
        freeze_heap()
        kept, walked_through = gc.get_freeze_count(), len(gc.get_objects())
    finally:
        gc.unfreeze()

    assert walked_through < kept / 10
