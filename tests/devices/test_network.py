import shutil
from contextlib import aclosing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.devices.kernel.interfaces import real_interfaces
from deskwire.devices.kernel.kernel_file import Roots
from deskwire.devices.network import Counters, NetworkDevice, TrafficTotals, parse_net_dev
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.readings import Network
from deskwire.model.units import Bytes, Seconds
from tests.support.devices import captured, copied, next_reading, resources

EVERY = Seconds(0.05)
HEAD = "Inter-|   Receive |  Transmit\n face |bytes packets |bytes packets\n"


def passed(received: int, sent: int) -> Network:
    return Network(received=Bytes(received), sent=Bytes(sent))


def table(**interfaces: tuple[int, int]) -> str:
    rows = (f"{name}: {rx} 0 0 0 0 0 0 0 {tx} 0\n" for name, (rx, tx) in interfaces.items())
    return HEAD + "".join(rows)


def test_a_number_may_touch_the_name() -> None:
    found = parse_net_dev(HEAD.encode() + b"  eth0:12 0 0 0 0 0 0 0 34 0 0 0 0 0 0 0\n")

    assert found == {"eth0": Counters(12, 34)}


@pytest.mark.parametrize("row", [b"eth0", b"eth0: 1 2", b"eth0: x 0 0 0 0 0 0 0 1", b"\n"])
def test_a_row_that_is_none_is_refused(row: bytes) -> None:
    with pytest.raises(DeviceUnavailable, match="net/dev"):
        parse_net_dev(HEAD.encode() + row)


@given(st.binary())
def test_any_bytes_are_counters_or_refused(rows: bytes) -> None:
    try:
        found = parse_net_dev(HEAD.encode() + rows)
    except DeviceUnavailable:
        return

    assert all(isinstance(number, int) for counters in found.values() for number in counters)


def test_lower_counter_is_a_reset_at_the_second_reading() -> None:
    totals = TrafficTotals()
    seen = [
        totals.take({"eth0": Counters(received, sent)})
        for received, sent in ((100, 10), (30, 3), (40, 4), (50, 4))
    ]

    assert seen == [passed(100, 10), passed(100, 10), passed(140, 14), passed(150, 14)]


@pytest.mark.parametrize("blink", [Counters(0, 0), Counters(0, 12), Counters(120, 0)])
def test_counters_that_are_zero_for_one_reading_change_nothing(blink: Counters) -> None:
    totals = TrafficTotals()
    history = (Counters(100, 10), blink, Counters(130, 13), Counters(140, 14))
    seen = [totals.take({"eth0": counters}) for counters in history]

    assert seen == [passed(100, 10), passed(100, 10), passed(130, 13), passed(140, 14)]


def test_renamed_interface_is_not_counted_twice() -> None:
    totals = TrafficTotals()
    totals.take({"eth0": Counters(100, 10)}, {"eth0": 2})
    renamed = totals.take({"enp1s0": Counters(110, 11)}, {"enp1s0": 2})

    assert renamed == passed(110, 11)


def test_interfaces_that_swap_their_names_keep_their_counters() -> None:
    totals = TrafficTotals()
    one, two = Counters(1000, 100), Counters(5, 1)
    totals.take({"eth0": one, "eth1": two}, {"eth0": 2, "eth1": 3})
    swapped = totals.take({"eth1": one, "eth0": two}, {"eth1": 2, "eth0": 3})

    assert swapped == passed(1005, 101)


def test_another_interface_under_an_old_name_adds_its_count() -> None:
    totals = TrafficTotals()
    totals.take({"usb0": Counters(1000, 100)}, {"usb0": 4})
    both = totals.take(
        {"usb0": Counters(50, 5), "usb1": Counters(1001, 101)}, {"usb0": 7, "usb1": 4}
    )

    assert both == passed(1051, 106)


def test_an_adapter_that_is_pulled_and_put_back_takes_nothing_away() -> None:
    totals = TrafficTotals()
    both = totals.take({"eth0": Counters(1000, 100), "usb0": Counters(500, 50)})
    pulled = totals.take({"eth0": Counters(1010, 101)})
    back = totals.take({"eth0": Counters(1010, 101), "usb0": Counters(20, 2)})

    assert (both, pulled, back) == (passed(1500, 150), passed(1510, 151), passed(1530, 153))


def test_an_interface_that_was_away_with_its_counters_is_not_counted_twice() -> None:
    totals = TrafficTotals()
    totals.take({"wlan0": Counters(1000, 100)})
    totals.take({})

    assert totals.take({"wlan0": Counters(1005, 100)}) == passed(1005, 100)


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["a", "b", "c"]),
            st.builds(Counters, st.integers(0, 2**64), st.integers(0, 2**64)),
        )
    )
)
def test_totals_never_go_backwards(history: list[dict[str, Counters]]) -> None:
    totals = TrafficTotals()
    seen = [totals.take(counters) for counters in history]

    assert [each.received for each in seen] == sorted(each.received for each in seen)
    assert [each.sent for each in seen] == sorted(each.sent for each in seen)


async def test_a_captured_laptop_has_received_and_sent_over_wire_and_air() -> None:
    async with aclosing(
        NetworkDevice(resources(roots=captured("laptop"), interval=EVERY)).watch()
    ) as readings:
        assert await next_reading(readings) == passed(3_682_862_139, 102_412_526)


async def test_a_container_has_the_traffic_of_its_way_out() -> None:
    async with aclosing(
        NetworkDevice(resources(roots=captured("container"), interval=EVERY)).watch()
    ) as readings:
        assert await next_reading(readings) == passed(90_112_345, 4_410_233)


async def test_totals_go_on_growing_from_one_watch_to_the_next(tmp_path: Path) -> None:
    roots = copied("laptop", tmp_path)
    dev = roots.proc / "self/net/dev"
    source = NetworkDevice(resources(roots=roots, interval=EVERY))
    dev.write_text(table(lo=(9, 9), wlp0s20f3=(1000, 100)))
    async with aclosing(source.watch()) as readings:
        first = await next_reading(readings)
    dev.write_text(table(lo=(9, 9), wlp0s20f3=(7, 3)))
    async with aclosing(source.watch()) as readings:
        second = await next_reading(readings)
        third = await next_reading(readings)  # a lower counter is believed at the second reading

    assert (first, second, third) == (passed(1000, 100), passed(1000, 100), passed(1007, 103))


async def test_an_adapter_plugged_in_while_watched_counts(tmp_path: Path) -> None:
    roots = copied("laptop", tmp_path)
    dev = roots.proc / "self/net/dev"
    dev.write_text(table(lo=(9, 9), wlp0s20f3=(1000, 100)))
    async with aclosing(NetworkDevice(resources(roots=roots, interval=EVERY)).watch()) as readings:
        await next_reading(readings)
        shutil.copytree(
            roots.sys / "devices/pci0000:00/0000:00:1f.6/net/enp0s31f6",
            roots.sys / "class/net/enx0050b6",
        )
        dev.write_text(table(lo=(9, 9), wlp0s20f3=(1000, 100), enx0050b6=(5, 1), veth0=(50, 50)))

        assert await next_reading(readings) == passed(1005, 101)


async def test_more_interfaces_than_a_page_holds_all_count(tmp_path: Path) -> None:
    roots = copied("container", tmp_path)
    many = {f"eth{number}": (1, 2) for number in range(300)}
    (roots.proc / "self/net/dev").write_text(table(**many))
    async with aclosing(NetworkDevice(resources(roots=roots, interval=EVERY)).watch()) as readings:
        assert await next_reading(readings) == passed(300, 600)


async def test_traffic_of_this_machine_matches_its_kernel() -> None:
    before = kernel_says("rx_bytes"), kernel_says("tx_bytes")
    async with aclosing(NetworkDevice(resources(interval=EVERY)).watch()) as readings:
        reading = await next_reading(readings)
    after = kernel_says("rx_bytes"), kernel_says("tx_bytes")

    assert reading is not None
    assert before[0] <= reading.received <= after[0]
    assert before[1] <= reading.sent <= after[1]


def kernel_says(counter: str) -> int:
    folders = list(Path("/sys/class/net").iterdir())
    real = real_interfaces([folder.name for folder in folders], Path("/sys"))
    return sum(
        int((folder / "statistics" / counter).read_text())
        for folder in folders
        if folder.name in real
    )


async def test_a_machine_without_the_file_is_unavailable(tmp_path: Path) -> None:
    async with aclosing(
        NetworkDevice(resources(roots=Roots(proc=tmp_path), interval=EVERY)).watch()
    ) as readings:
        with pytest.raises(DeviceUnavailable, match="net/dev cannot be read"):
            await next_reading(readings)
