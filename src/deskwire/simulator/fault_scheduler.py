"""The faults of a rehearsal, each at its time."""

import asyncio
from collections.abc import Iterable

from deskwire.auth.logins import Logins
from deskwire.model.units import Seconds
from deskwire.protocol.close_codes import CloseCode
from deskwire.simulator.faults import Fault, FaultyBroadcaster, FaultySockets


class Rehearsal:
    """Lets happen what was asked for, counting from when a screen is first let in."""

    def __init__(
        self,
        faults: Iterable[Fault],
        broadcaster: FaultyBroadcaster,
        sockets: FaultySockets,
        logins: Logins,
    ) -> None:
        self._faults = sorted(faults, key=lambda fault: fault.at)
        self._broadcaster = broadcaster
        self._sockets = sockets
        self._logins = logins
        self._began = asyncio.Event()
        self._slow = 0
        sockets.on_first = self._began.set

    async def run(self) -> None:
        """Wait for that screen, then go through the faults; ends after the last."""
        await self._began.wait()
        began = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as together:
            for fault in self._faults:
                together.create_task(self._befall_at(Seconds(began + fault.at), fault))

    async def _befall_at(self, when: Seconds, fault: Fault) -> None:
        await asyncio.sleep(when - asyncio.get_running_loop().time())
        match fault.kind:
            case "slow":
                await self._be_slow(Seconds(fault.value))
            case "garbage":
                self._broadcaster.garble()
            case _ if fault.value == CloseCode.AUTH_FAILED:
                for login in self._sockets.logins:
                    await self._logins.end(login)
            case _:
                self._sockets.close_sockets(CloseCode(int(fault.value)))

    async def _be_slow(self, span: Seconds) -> None:
        self._slow += 1
        self._broadcaster.slow(True)
        await asyncio.sleep(span)
        self._slow -= 1
        self._broadcaster.slow(self._slow > 0)
