import asyncio
import re
import subprocess
import sys
import time

import pytest

from deskwire.auth.passwords import BoundedQueue, Passwords, generate_password
from deskwire.model.problems import Throttled

PASSWORD = b"correct horse"


async def attempt(passwords: Passwords, queue: BoundedQueue) -> bool:
    """Log in with a wrong password."""
    async with queue.turn():
        return await passwords.matches(None, PASSWORD)


def test_generated_passwords_are_readable_and_differ() -> None:
    made = {generate_password() for _ in range(200)}

    assert len(made) == 200
    for password in made:
        assert re.fullmatch(r"([a-hjkmnp-z2-9]{5}-){3}[a-hjkmnp-z2-9]{5}", password)


async def test_password_matches_only_its_own_hash() -> None:
    passwords = Passwords()
    encoded = await passwords.hash(PASSWORD)

    assert encoded.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.matches(encoded, PASSWORD)
    assert not await passwords.matches(encoded, PASSWORD + b" ")
    assert not await passwords.matches(encoded, b"")


async def test_missing_hash_matches_no_password() -> None:
    assert not await Passwords().matches(None, PASSWORD)


@pytest.mark.parametrize("damaged", ["x", "$argon2id$v=19$m=8,t=1,p=1$AAAA", "$2b$12$abc"])
async def test_damaged_hash_matches_no_password(damaged: str) -> None:
    assert not await Passwords().matches(damaged, PASSWORD)


async def test_missing_hash_takes_as_long_as_a_real_one() -> None:
    passwords = Passwords()
    encoded = await passwords.hash(PASSWORD)

    async def took(against: str | None) -> float:
        start = time.process_time()  # excludes the other work of a busy machine
        await passwords.matches(against, b"wrong")
        return time.process_time() - start

    times = [(await took(encoded), await took(None)) for _ in range(7)]
    real, dummy = (min(each) for each in zip(*times, strict=True))

    assert 0.6 < dummy / real < 1.7


async def test_hash_with_other_parameters_is_outdated() -> None:
    today, before = Passwords(), Passwords(memory_kib=8192)

    assert today.is_outdated(await before.hash(PASSWORD))
    assert not today.is_outdated(await today.hash(PASSWORD))


async def test_login_above_the_queue_length_is_throttled() -> None:
    passwords, queue = Passwords(), BoundedQueue(length=3)
    attempts = [asyncio.create_task(attempt(passwords, queue)) for _ in range(5)]
    answers = await asyncio.gather(*attempts, return_exceptions=True)

    assert answers[:3] == [False] * 3
    for answer in answers[3:]:
        assert isinstance(answer, Throttled)
        assert 0 < answer.retry_after <= 10
    assert not await attempt(passwords, queue)


async def test_cancelled_login_leaves_the_queue() -> None:
    passwords, queue = Passwords(), BoundedQueue(length=2)
    for _ in range(20):
        cancelled = asyncio.create_task(attempt(passwords, queue))
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.gather(cancelled, return_exceptions=True)

    assert not await attempt(passwords, queue)


async def test_sixty_hashes_at_once_do_not_block_the_event_loop() -> None:
    passwords = Passwords(memory_kib=8192)
    hashing = asyncio.gather(*(passwords.matches(None, PASSWORD) for _ in range(60)))
    turns = 0
    while not hashing.done():
        await asyncio.sleep(0.001)
        turns += 1
    await hashing

    assert turns > 60  # hashing on the loop would leave it a few


def test_hash_returns_its_memory_to_the_kernel() -> None:
    code = """
import asyncio, re
from pathlib import Path
from deskwire.auth.passwords import Passwords

def resident():
    return int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

async def main():
    passwords = Passwords()
    before = resident()
    for _ in range(4):
        await passwords.hash(b"correct horse")
    print(resident() - before)

asyncio.run(main())
"""

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert int(done.stdout) < 4096  # KiB; 19,456 if the memory stayed


async def test_turns_follow_each_other_in_order_of_arrival() -> None:
    queue = BoundedQueue()
    seen: list[str] = []

    async def come(name: str) -> None:
        async with queue.turn():
            seen.append(f"{name} in")
            await asyncio.sleep(0)
            seen.append(f"{name} out")

    await asyncio.gather(come("ann"), come("bob"), come("carl"))

    assert seen == ["ann in", "ann out", "bob in", "bob out", "carl in", "carl out"]


async def test_turn_above_the_queue_length_is_throttled() -> None:
    queue = BoundedQueue(length=2)

    async with queue.turn():
        waiting = asyncio.create_task(queue.turn().__aenter__())
        await asyncio.sleep(0)
        with pytest.raises(Throttled) as refused:
            await queue.turn().__aenter__()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    assert refused.value.retry_after > 0
    async with queue.turn():
        pass
