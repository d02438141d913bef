"""Publisher of readings to subscribers, each with its own topics and demand.

    no demand ──subscribe──▶ gathering ──each topic was read, or 270 ms──▶ updates
        ▲                                                                     │
        └───────────────────────── close ─────────────────────────────────────┘

A subscription says which topics it wants and how urgently. The publisher adds these up and tells
the supervisor, which runs exactly the demanded devices. Without a subscription there is no timer.

A client that requests a WebSocket token subscribes a moment later. `expect()` starts its devices
already then, so that the first update is complete when the client arrives.

A LIVE subscriber gets an update at each interval, on the instants that polled devices read at.
Their timers run first, and the update follows one turn of the event loop later with all of their
readings. A watched but unchanged desk therefore wakes once an interval. A signalled change is
published at once, and the changes of the next 50 ms as one more update. A BACKGROUND subscriber
gets at most one update in each 10 s, and only after a change.

A subscriber is a plain function that takes an update of values. It must not block.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple

from deskwire.model.topics import BACKGROUND_INTERVAL, Demand, Topic
from deskwire.model.units import Seconds

GATHERING_TIMEOUT = Seconds(0.27)
EXPECTED_WITHIN = Seconds(3.0)
BURST = Seconds(0.05)
AFTER_TICK = Seconds(0.00001)
"""Delay that orders timers due at the same instant: first the polled devices, then the update."""


class Update(NamedTuple):
    """Readings for one subscriber."""

    readings: Mapping[str, Any]
    """Current reading of every subscribed topic."""
    changed: frozenset[str]
    """Topics that changed since the subscriber's last update; all in the first one."""
    revision: int
    """Number that grows with each change of a topic, subscribed or not."""


class Store:
    """Current readings; absent hardware has the topic's empty reading."""

    def __init__(self, topics: Iterable[Topic]) -> None:
        self._empty = {topic.name: topic.empty for topic in topics}
        self._readings = dict(self._empty)
        self.revision = 0
        """Number of changes so far."""

    def put(self, name: str, reading: Any) -> bool:
        """Store a reading, `None` for absent hardware; return whether it differs from the last.

        Raises `KeyError` for a topic that is not declared.
        """
        if reading is None:
            reading = self._empty[name]
        if self._readings[name] == reading:
            return False
        self._readings[name] = reading
        self.revision += 1
        return True

    def clear(self, names: Iterable[str]) -> None:
        """Forget the readings of topics that are no longer read."""
        for name in names:
            self.put(name, None)

    def select(self, names: Collection[str]) -> Mapping[str, Any]:
        """Return a copy of the readings of these topics."""
        readings = self._readings
        if len(names) == len(readings):
            return dict(readings)
        return {name: readings[name] for name in names}


Deliver = Callable[[Update], None]


class Subscription:
    """One subscriber's topics and demand; `close()` ends it."""

    def __init__(
        self, publisher: "Publisher", topics: frozenset[str], demand: Demand, deliver: Deliver
    ) -> None:
        self.topics = topics
        self.demand = demand
        self.deliver = deliver
        self.changed = set(topics)
        """Topics that changed since the last update."""
        self.started = False
        """Whether the first update was delivered."""
        self.gathering: asyncio.TimerHandle | None = None
        self._publisher = publisher

    def current(self) -> Update | None:
        """Return the newest complete update; `None` while the first is gathered."""
        return self._publisher.update(self) if self.started else None

    def close(self) -> None:
        """End the subscription."""
        self._publisher.remove(self)


class Publisher:
    """Current readings and their subscribers."""

    def __init__(self, *, interval: Seconds, topics: Iterable[Topic]) -> None:
        """`topics` are those of the devices that this desk runs."""
        topics = tuple(topics)
        self.interval = interval
        """Time between two readings of a polled device."""
        self.topics = frozenset(topic.name for topic in topics)
        self.periodic = frozenset(topic.name for topic in topics if topic.periodic)
        self._store = Store(topics)
        self._subscriptions: list[Subscription] = []
        self._demand: dict[str, Demand] = {}
        self._unread: set[str] = set()
        """Demanded topics without a reading yet."""
        self._expected: frozenset[str] = frozenset()
        self._expecting: asyncio.TimerHandle | None = None
        self._tick: asyncio.Handle | None = None
        self._change: asyncio.Handle | None = None
        self._last_change = Seconds(float("-inf"))
        self._background: asyncio.Handle | None = None
        self._last_background = Seconds(0.0)
        self.on_demand: Callable[[Mapping[str, Demand]], None] = lambda _: None
        """Called with the demanded topics whenever these change."""

    # ---- readings --------------------------------------------------------------------------------

    def put(self, name: str, reading: Any) -> None:
        """Take a device's reading; `None` is absent hardware."""
        if name not in self._demand:
            return
        if self._store.put(name, reading):
            self._on_changed(name)
        if name in self._unread:
            self._unread.discard(name)
            self._start_complete()

    def update(self, subscription: Subscription) -> Update:
        """Return the current readings for a subscription."""
        readings = self._store.select(subscription.topics)
        return Update(readings, frozenset(subscription.changed), self._store.revision)

    # ---- subscriptions ---------------------------------------------------------------------------

    def subscribe(self, topics: Collection[str], demand: Demand, deliver: Deliver) -> Subscription:
        """Call `deliver` with each update from now on; the first update is complete."""
        subscription = Subscription(self, self.topics & set(topics), demand, deliver)
        self._subscriptions.append(subscription)
        if demand is Demand.LIVE and self._expected <= subscription.topics:
            self._end_expectation()
        subscription.gathering = asyncio.get_running_loop().call_later(
            GATHERING_TIMEOUT, self._stop_gathering, subscription
        )
        self._set_demand()
        self._start_complete()
        return subscription

    def remove(self, subscription: Subscription) -> None:
        """End a subscription."""
        self._subscriptions.remove(subscription)
        cancel(subscription.gathering)
        demands = {each.demand for each in self._subscriptions}
        if Demand.LIVE not in demands:
            cancel(self._tick, self._change)
            self._tick = self._change = None
        if Demand.BACKGROUND not in demands:
            cancel(self._background)
            self._background = None
        self._set_demand()

    def expect(self, topics: Collection[str]) -> None:
        """Demand these topics for 3 s, for a client that will subscribe to them."""
        expected = self.topics & set(topics)
        live = {name for name, demand in self._demand.items() if demand is Demand.LIVE}
        if expected <= live - self._expected:
            return
        self._end_expectation()
        self._expected = expected
        self._expecting = asyncio.get_running_loop().call_later(EXPECTED_WITHIN, self._expire)
        self._set_demand()

    def _end_expectation(self) -> None:
        self._expected = frozenset()
        cancel(self._expecting)
        self._expecting = None

    def _expire(self) -> None:
        self._end_expectation()
        self._set_demand()

    def _set_demand(self) -> None:
        demand = dict.fromkeys(self._expected, Demand.LIVE)
        for each in self._subscriptions:
            for name in each.topics:
                demand[name] = max(each.demand, demand.get(name, each.demand))
        if demand == self._demand:
            return
        gone = self._demand.keys() - demand.keys()
        self._unread |= demand.keys() - self._demand.keys()
        self._unread -= gone
        self._demand = demand
        self._store.clear(gone)
        self.on_demand(demand)

    # ---- updates ---------------------------------------------------------------------------------

    def _start_complete(self) -> None:
        for each in list(self._subscriptions):
            if not each.started and not each.topics & self._unread:
                self._start(each)

    def _stop_gathering(self, subscription: Subscription) -> None:
        """Wait no longer for the devices that have not been read; they join a later update."""
        self._unread -= subscription.topics
        self._start_complete()

    def _start(self, subscription: Subscription) -> None:
        """Deliver the first update."""
        cancel(subscription.gathering)
        if subscription.demand is Demand.BACKGROUND:
            self._last_background = self._now()
        elif self._tick is None:
            self._tick_later()
        self._deliver(subscription)

    def _deliver(self, subscription: Subscription) -> None:
        update = self.update(subscription)
        subscription.changed.clear()
        subscription.started = True
        subscription.deliver(update)

    def _deliver_all(self, demand: Demand, *, changed: bool) -> None:
        for each in list(self._subscriptions):
            if each.demand is not demand or not each.started:
                continue
            if each in self._subscriptions and (each.changed or not changed):
                self._deliver(each)

    def _on_changed(self, name: str) -> None:
        """Note a changed topic and schedule the updates that it calls for."""
        for each in self._subscriptions:
            if name not in each.topics:
                continue
            each.changed.add(name)
            if not each.started:
                continue
            if each.demand is Demand.BACKGROUND:
                self._publish_in_background()
            elif name not in self.periodic:
                self._publish_change()

    def _tick_later(self) -> None:
        loop = asyncio.get_running_loop()
        due = (loop.time() // self.interval + 1) * self.interval + AFTER_TICK
        self._tick = loop.call_at(due, self._on_instant)

    def _on_instant(self) -> None:
        self._tick = asyncio.get_running_loop().call_soon(self._on_tick)

    def _on_tick(self) -> None:
        self._tick_later()  # first: an error in a subscriber must not end the ticks
        self._deliver_all(Demand.LIVE, changed=False)

    def _publish_change(self) -> None:
        if self._change is None:
            loop = asyncio.get_running_loop()
            due = self._last_change + BURST
            now = loop.time() >= due
            self._change = (
                loop.call_soon(self._on_change) if now else loop.call_at(due, self._on_change)
            )

    def _on_change(self) -> None:
        self._change = None
        self._last_change = self._now()
        self._deliver_all(Demand.LIVE, changed=True)

    def _publish_in_background(self) -> None:
        if self._background is None:
            loop = asyncio.get_running_loop()
            due = (self._last_background // BACKGROUND_INTERVAL + 1) * BACKGROUND_INTERVAL
            self._background = loop.call_at(due + AFTER_TICK, self._on_background_instant)

    def _on_background_instant(self) -> None:
        self._background = asyncio.get_running_loop().call_soon(self._on_background)

    def _on_background(self) -> None:
        self._background = None
        self._last_background = self._now()
        self._deliver_all(Demand.BACKGROUND, changed=True)

    @staticmethod
    def _now() -> Seconds:
        return Seconds(asyncio.get_running_loop().time())


def cancel(*handles: asyncio.Handle | None) -> None:
    """Cancel those of the handles that are set."""
    for handle in handles:
        if handle is not None:
            handle.cancel()
