from deskwire.devices.mpris.playhead import Playhead
from deskwire.model.readings import Position
from deskwire.model.units import Seconds


def at(seconds: float) -> Seconds:
    return Seconds(seconds)


def test_position_is_unknown_at_first() -> None:
    playhead = Playhead()

    assert playhead.reached(at(100), None) is None
    assert playhead.is_jump(at(0), at(100), None)


def test_position_advances_at_the_rate_only_while_playing() -> None:
    playhead = Playhead()
    playhead.rate = 1.5

    playhead.move_to(at(10), at(100), playing=True)
    assert playhead.reached(at(102), at(60)) == at(13)
    assert playhead.reached(at(200), at(60)) == at(60)
    playhead.move_to(at(13), at(102), playing=False)
    assert playhead.position == Position(at(13), at(102), 0.0)
    assert playhead.reached(at(200), at(60)) == at(13)


def test_small_difference_is_not_a_jump() -> None:
    playhead = Playhead()
    playhead.move_to(at(10), at(100), playing=True)

    assert not playhead.is_jump(at(15.09), at(105), None)
    assert not playhead.is_jump(at(14.91), at(105), None)
    assert playhead.is_jump(at(15.11), at(105), None)
    assert playhead.is_jump(at(10), at(105), None)


def test_position_may_become_unknown_again() -> None:
    playhead = Playhead()
    playhead.move_to(at(10), at(100), playing=True)
    playhead.move_to(None, at(101), playing=True)

    assert playhead.position is None
