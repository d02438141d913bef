from hypothesis import given
from hypothesis import strategies as st

from deskwire.client.desk_state import FRAMES_CHECKED, HandoverFilter, is_older
from deskwire.model.readings import Network, Snapshot, Uptime
from deskwire.model.units import Bytes, Seconds


def reading(uptime: float, received: int = 0, sent: int = 0) -> Snapshot:
    return Snapshot(uptime=Uptime(Seconds(uptime)), network=Network(Bytes(received), Bytes(sent)))


def text(snapshot: Snapshot) -> str:
    return repr(snapshot)


def show(order: HandoverFilter, snapshot: Snapshot) -> bool:
    return order.admits(text(snapshot), snapshot)


def test_every_reading_of_one_socket_is_shown() -> None:
    order = HandoverFilter()

    assert [show(order, reading(1)), show(order, reading(1)), show(order, reading(0))] == [True] * 3


def test_a_frame_both_sockets_brought_is_shown_once() -> None:
    order = HandoverFilter()
    show(order, reading(7))
    order.begin_handover()

    assert not show(order, reading(7))
    assert show(order, reading(8))


def test_a_frame_that_was_overtaken_is_not_shown() -> None:
    order = HandoverFilter()
    show(order, reading(7, received=100))
    order.begin_handover()

    assert not show(order, reading(6, received=90))
    assert not show(order, reading(7, received=99))
    assert show(order, reading(7, received=101))


def test_a_newer_first_frame_is_shown_at_once() -> None:
    order = HandoverFilter()
    show(order, reading(7))
    order.begin_handover()

    assert show(order, reading(8))
    assert show(order, reading(8))


def test_restarted_desk_is_shown_after_few_frames() -> None:
    order = HandoverFilter()
    show(order, reading(1000))
    order.begin_handover()

    shown = [show(order, reading(n)) for n in range(FRAMES_CHECKED + 1)]

    assert shown == [False] * FRAMES_CHECKED + [True]


def test_a_desk_that_tells_neither_is_believed() -> None:
    assert not is_older(Snapshot(), Snapshot())
    assert not is_older(Snapshot(), None)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), min_size=2, max_size=20),
    st.data(),
)
def test_any_interleaving_shows_each_snapshot_once_in_order(
    steps: list[tuple[int, int]], data: st.DataObject
) -> None:
    up = passed = 0
    frames = []
    for seconds, received in steps:
        up, passed = up + seconds, passed + received
        frames.append(reading(up, passed, passed))
    unique = list(dict.fromkeys(map(text, frames)))
    by_text = {text(each): each for each in frames}
    until_old = data.draw(st.integers(1, len(unique)))
    from_new = data.draw(st.integers(max(0, until_old - FRAMES_CHECKED), until_old))
    order = HandoverFilter()

    shown = [each for each in unique[:until_old] if order.admits(each, by_text[each])]
    order.begin_handover()
    shown += [each for each in unique[from_new:] if order.admits(each, by_text[each])]

    assert shown == unique
