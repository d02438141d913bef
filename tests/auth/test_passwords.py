import asyncio
import re
import subprocess
import sys
import time

import pytest

from deskwire.auth.passwords import Passwords, generate_password
from deskwire.model.problems import Throttled

PASSWORD = b"correct horse"


def test_a_generated_password_is_readable_and_never_the_same() -> None:
    made = {generate_password() for _ in range(200)}

    assert len(made) == 200
    for password in made:
        assert re.fullmatch(r"([a-hjkmnp-z2-9]{5}-){3}[a-hjkmnp-z2-9]{5}", password)


async def test_a_password_matches_its_own_hash_only() -> None:
    passwords = Passwords()
    encoded = await passwords.hash(PASSWORD)

    assert encoded.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.matches(encoded, PASSWORD)
    assert not await passwords.matches(encoded, PASSWORD + b" ")
    assert not await passwords.matches(encoded, b"")


async def test_nobody_has_no_password() -> None:
    assert not await Passwords().matches(None, PASSWORD)


@pytest.mark.parametrize("damaged", ["x", "$argon2id$v=19$m=8,t=1,p=1$AAAA", "$2b$12$abc"])
async def test_a_damaged_hash_matches_nothing(damaged: str) -> None:
    assert not await Passwords().matches(damaged, PASSWORD)


async def test_nobodys_password_takes_as_long_as_somebodys() -> None:
    passwords = Passwords()
    encoded = await passwords.hash(PASSWORD)

    async def took(against: str | None) -> float:
        start = time.process_time()  # a busy machine's other work is none of ours
        await passwords.matches(against, b"wrong")
        return time.process_time() - start

    times = [(await took(encoded), await took(None)) for _ in range(7)]
    somebody, nobody = (min(each) for each in zip(*times, strict=True))

    assert 0.6 < nobody / somebody < 1.7


async def test_a_hash_of_other_parameters_is_outdated() -> None:
    today, before = Passwords(), Passwords(memory_kib=8192)

    assert today.is_outdated(await before.hash(PASSWORD))
    assert not today.is_outdated(await today.hash(PASSWORD))


async def test_too_many_at_once_are_told_to_come_again() -> None:
    passwords = Passwords(most_waiting=3)
    asked = [asyncio.create_task(passwords.matches(None, PASSWORD)) for _ in range(5)]
    answers = await asyncio.gather(*asked, return_exceptions=True)

    assert answers[:3] == [False] * 3
    for answer in answers[3:]:
        assert isinstance(answer, Throttled)
        assert 0 < answer.retry_after <= 10
    assert not await passwords.matches(None, PASSWORD)


async def test_who_hangs_up_leaves_the_queue() -> None:
    passwords = Passwords(most_waiting=2)
    for _ in range(20):
        asked = asyncio.create_task(passwords.matches(None, PASSWORD))
        await asyncio.sleep(0)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)

    assert not await passwords.matches(None, PASSWORD)


async def test_sixty_at_once_do_not_disturb_the_event_loop() -> None:
    passwords = Passwords(memory_kib=8192)
    asked = asyncio.gather(*(passwords.matches(None, PASSWORD) for _ in range(60)))
    turns = 0
    while not asked.done():
        await asyncio.sleep(0.001)
        turns += 1
    await asked

    assert turns > 60  # hashing on the loop would leave it a few


def test_a_hash_gives_its_memory_back() -> None:
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

    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert int(told.stdout) < 4096  # KiB; 19,456 where it is kept
