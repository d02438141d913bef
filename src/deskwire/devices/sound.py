"""The sound server: one connection to PulseAudio, or to PipeWire, which speaks the same protocol.

This is the one door to libpulse: pulsectl and pulsectl-asyncio have no types, so whatever comes out
of them gets its type here and their errors become ours. They are imported when somebody first
watches, for they cost 4 MB, and in a thread, for that takes a while. They are told which library to
load: to look for it they would run ldconfig(8) and the compiler, and make files in /tmp, where a
hardened service may write nothing.

Source: the asynchronous API of libpulse. Events only say that something changed, so they are
conflated into one flag and never queue up.
"""

import asyncio
import ctypes
import ctypes.util
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

from msgspec import Struct

from deskwire.model.problems import DeviceUnavailable
from deskwire.model.units import Seconds

LIBRARY = "libpulse.so.0"
CALL_TIMEOUT = Seconds(1.0)


T = TypeVar("T")


class Sink(Struct, frozen=True):
    """Something sound comes out of."""

    name: str
    channels: tuple[float, ...]
    """Volume of each channel, 1.0 is 100 %."""


class SoundServer:
    """One living connection to the sound server."""

    def __init__(self, pulsectl: Any, pulse: Any) -> None:
        self.name = ""
        """What the server says it is: `pulseaudio`, `PulseAudio (on PipeWire 1.4.2)`."""
        self._pulsectl = pulsectl
        self._pulse = pulse
        self._closed = False
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Future[Any]] = set()
        self._listening = self._begin(self._listen())

    async def default_sink(self, timeout: Seconds = CALL_TIMEOUT) -> Sink | None:
        """Return the sink that sound goes to, or `None`; raises `DeviceUnavailable`."""
        asking = self._begin(self._ask_for_default_sink())
        await asyncio.wait([asking], timeout=timeout)
        if not asking.done():
            raise hung()
        try:
            return asking.result()
        except self._pulsectl.PulseIndexError:
            return None  # gone in between, or the name was only a placeholder
        except (self._pulsectl.PulseError, self._pulsectl.PulseDisconnected):
            raise gone() from None

    async def _ask_for_default_sink(self) -> Sink | None:
        server = await self._open_pulse().server_info()
        self.name = str(server.server_name)
        if not server.default_sink_name:
            return None
        sink = await self._open_pulse().get_sink_by_name(server.default_sink_name)
        return Sink(str(sink.name), tuple(float(channel) for channel in sink.volume.values))

    async def changed(self) -> None:
        """Wait until sinks or the default changed since the last call; raises when it is gone."""
        await self._changed.wait()
        self._changed.clear()
        if self._listening.done():
            self._listening.result()
            raise gone()

    async def _listen(self) -> None:
        try:
            async for _ in self._open_pulse().subscribe_events("sink", "server"):
                self._changed.set()
        except (self._pulsectl.PulseError, self._pulsectl.PulseDisconnected, DeviceUnavailable):
            pass  # `changed` tells it
        finally:
            self._changed.set()

    def _open_pulse(self) -> Any:
        # Asked of a closed connection, libpulse does not raise: it ends the process.
        if self._closed:
            raise gone()
        return self._pulse

    def _begin(self, question: Coroutine[Any, Any, T]) -> asyncio.Future[T]:
        # Questions are never cancelled: libpulse would answer into a future that is done, and a
        # subscription would ask a hung server to end it. They end with the connection.
        task = asyncio.ensure_future(question)
        self._tasks.add(task)
        task.add_done_callback(self._end)
        return task

    def _end(self, task: asyncio.Future[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waits for it hears of it; often nobody does any more

    async def close(self) -> None:
        """End the connection and all that was asked through it."""
        self._closed = True
        self._pulse.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def connected(server: str | None, timeout: Seconds) -> AsyncIterator[SoundServer]:
    """Hold a connection to `server`, or to the one libpulse finds; raises `DeviceUnavailable`.

    `timeout` is for connecting; importing the library, once a process, comes before.
    """
    pulsectl, pulsectl_asyncio = await asyncio.to_thread(load)
    pulse = pulsectl_asyncio.PulseAsync("deskwire", server=server)
    pulse.waiting_futures = Unanswered()
    try:
        try:
            async with asyncio.timeout(timeout):
                await pulse.connect()
        except TimeoutError:
            raise hung() from None
        except pulsectl.PulseError:
            raise DeviceUnavailable(
                "there is no sound server", remedy="start pipewire-pulse or pulseaudio"
            ) from None
        sound = SoundServer(pulsectl, pulse)
        try:
            yield sound
        finally:
            await sound.close()
    finally:
        pulse.close()


class Unanswered(set[Any]):
    """What pulsectl-asyncio waits for, as futures; it fails all of them when a connection ends.

    That raises inside a C callback, or in the loop, if an answer came in the same moment. So going
    through them gives stand-ins that fail a future a little later, and only if it still waits.
    """

    def __iter__(self) -> Iterator[Any]:
        return iter([LateFailure(future) for future in super().__iter__()])


class LateFailure:
    """A future's stand-in, of which only the failing is asked."""

    def __init__(self, future: asyncio.Future[None]) -> None:
        self._future = future

    def set_exception(self, problem: Exception) -> None:
        """Fail the future after what is already on its way to it."""
        self._future.get_loop().call_soon(self._fail, problem)

    def _fail(self, problem: Exception) -> None:
        if not self._future.done():
            self._future.set_exception(problem)


def load() -> tuple[Any, Any]:
    """Import pulsectl and pulsectl_asyncio; raises `DeviceUnavailable` where libpulse is missing.

    It blocks for 20 ms the first time.
    """
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        raise DeviceUnavailable(f"{LIBRARY} is not installed", remedy="install libpulse0") from None
    with known_library():
        import pulsectl  # noqa: PLC0415  # costs memory and time; see the top
        import pulsectl_asyncio  # noqa: PLC0415  # the same

    return pulsectl, pulsectl_asyncio


@contextmanager
def known_library() -> Iterator[None]:
    """Answer who looks for a library with ours, so that nobody looks for it."""

    def known(name: str) -> str | None:  # noqa: ARG001 - the search's signature
        return LIBRARY

    search = ctypes.util.find_library
    ctypes.util.find_library = known
    try:
        yield
    finally:
        ctypes.util.find_library = search


def hung() -> DeviceUnavailable:
    """Make the problem that says there was no answer in time."""
    return DeviceUnavailable("the sound server does not answer")


def gone() -> DeviceUnavailable:
    """Make the problem that says the connection ended."""
    return DeviceUnavailable("the sound server went away")
