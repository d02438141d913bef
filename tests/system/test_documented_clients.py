"""The three documented clients, run unchanged with the mock server.

Each one gets the close codes of a lost connection, an expired token, an ended login and a normal
end.
"""

import asyncio
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGKILL
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from deskwire.simulator.faults import parse_fault
from deskwire.simulator.mock import Mock
from deskwire.simulator.scenario import load
from tests.support.programs import MOCK_ENV, MOCK_PASSWORD, MockServer
from tests.support.virtual_time import VirtualTimeLoop, run_in_virtual_time
from tests.support.waiting import until
from tests.support.web_server import WebServer, content

HOWTO = Path(__file__).parents[2] / "docs/howto"
CLIENTS = HOWTO / "clients"
SECRETS = {"DESK_PASSWORD": MOCK_PASSWORD}


# ---- Python --------------------------------------------------------------------------------------


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("DESK_PASSWORD", MOCK_PASSWORD)
    spec = importlib.util.spec_from_file_location("documented_client", CLIENTS / "client.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_client(client: Any, *words: str, faults: tuple[str, ...]) -> None:
    """Run the client's `main` to its end in virtual time."""
    scenario, pictures = load("example")

    async def main(loop: VirtualTimeLoop) -> None:
        mock = Mock(scenario, pictures, faults=map(parse_fault, faults), clock=loop.clock)
        async with mock, asyncio.timeout(200):
            await client.main(mock.address, "owner", *words)

    run_in_virtual_time(main)


def test_python_client_follows_each_close_code(
    client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    faults = ("close=1006@10", "garbage@20", "close=4004@30", "close=4001@50", "close=1000@70")

    run_client(client, faults=faults)

    out, err = capsys.readouterr()
    assert re.findall(r"closed (\d+) after (\d+) s", err) == [
        ("1006", "10"), ("4004", "15"), ("4001", "20"), ("1000", "20"),
    ]  # fmt: skip
    assert len(out.splitlines()) > 60
    assert set(out.splitlines()) == {"volume 88 %, playing: The Reason on player1"}


def test_python_client_sends_a_command(client: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run_client(client, "-", "next", "player1", faults=("close=1000@2",))

    assert "volume 88 %, playing: My Immortal on player1" in capsys.readouterr().out


def test_python_client_ends_at_a_wrong_password(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESK_PASSWORD", "a wrong one")

    with pytest.raises(client.Refused, match="the name or the password is wrong"):
        run_client(client, faults=())


def test_python_client_trusts_only_the_pinned_certificate(tmp_path: Path) -> None:
    with MockServer(tmp_path, "--fault", "close=1000@1") as mock:
        right, wrong = mock.fingerprint, "00:" * 31 + "00"
        ended, refused = [
            subprocess.Popen(
                [sys.executable, CLIENTS / "client.py", mock.address, "owner", fingerprint],
                env=MOCK_ENV | SECRETS,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for fingerprint in (right, wrong)
        ]
        out, err = ended.communicate(timeout=10)
        assert ended.returncode == 0, err
        assert out.startswith("volume 88 %, playing: The Reason on player1\n")
        assert refused.stderr is not None
        assert refused.stderr.readline().startswith("ServerFingerprintMismatch: ")
        assert refused.stderr.readline() == "closed 1006 after 0 s\n"
        refused.kill()
        assert refused.communicate()[0] == ""


# ---- JavaScript ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """Serve the documented page from another origin, with shorter delays."""
    page = (CLIENTS / "browser.html").read_text(encoding="utf-8")
    quick = page.replace("RETRY_DELAY = 5000", "RETRY_DELAY = 100")
    quick = quick.replace("TOO_SOON = 5000", "TOO_SOON = 500")
    assert quick != page
    with WebServer({"/": content(quick.encode())}) as web:
        yield web.url("/")


@pytest.fixture(scope="module")
def page(site: str) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        page = browser.new_page()
        page.set_default_timeout(5000)
        yield page
        browser.close()


def watch(page: Page, site: str, mock: MockServer, password: str = MOCK_PASSWORD) -> None:
    """Submit the form of the documented page."""
    page.goto(site)
    page.fill("[name=url]", mock.address)
    page.fill("[name=username]", "owner")
    page.fill("[name=password]", password)
    page.click("text=Watch")


def test_browser_client_shows_the_desk_and_sends_commands(
    page: Page, site: str, tmp_path: Path
) -> None:
    with MockServer(tmp_path, "--no-tls", "--allow-origin", site.rstrip("/")) as mock:
        watch(page, site, mock)

        player = page.locator("#player1")
        expect(player.locator("b")).to_have_text("The Reason")
        expect(player.locator("span")).to_contain_text("Hoobastank (Chrome) 11")
        expect(page.locator("#numbers")).to_contain_text('"volume": 88')
        expect(page.locator("#player2 span")).to_contain_text(", paused")
        assert until(lambda: player.locator("img").evaluate("each => each.naturalWidth")) == 160

        player.locator("[value=audio-play-pause]").click()
        expect(player.locator("span")).to_contain_text(", paused")
        player.locator("[value=audio-next]").click()
        expect(player.locator("b")).to_have_text("My Immortal")
        page.locator("#player2 [value=audio-next]").click()
        expect(page.locator("#state")).to_have_text("this player has no other track")


def test_browser_client_follows_each_close_code(page: Page, site: str, tmp_path: Path) -> None:
    faults = ("close=1006@0.7", "close=4004@1.6", "garbage@1.9", "close=4001@2.5", "close=1000@3.4")
    words = [word for fault in faults for word in ("--fault", fault)]
    with MockServer(tmp_path, "--no-tls", "--allow-origin", site.rstrip("/"), *words) as mock:
        watch(page, site, mock)
        expect(page.locator("#state")).to_have_text("closed 1000", timeout=15_000)
        until(lambda: closes(mock) == ["1006", "4004", "4001", "1000"])


def test_browser_client_shows_the_form_after_a_wrong_password(
    page: Page, site: str, tmp_path: Path
) -> None:
    with MockServer(tmp_path, "--no-tls", "--allow-origin", site.rstrip("/")) as mock:
        watch(page, site, mock, "a wrong one")

        expect(page.locator("#state")).to_have_text("the name or the password is wrong")
        expect(page.locator("#login")).to_be_visible()


def test_page_of_an_unlisted_origin_is_refused(page: Page, site: str, tmp_path: Path) -> None:
    with MockServer(tmp_path, "--no-tls") as mock:
        watch(page, site, mock)

        expect(page.locator("#state")).to_have_text("closed 1006")
        assert "session ended" not in mock.log


# ---- shell ---------------------------------------------------------------------------------------


def shell_lines() -> list[str]:
    """Return the documented shell blocks with websocat or a certificate."""
    page = (HOWTO / "write-a-client.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    return [block for block in blocks if "websocat" in block or "openssl" in block]


@contextmanager
def shell(lines: str, folder: Path, given: str = "") -> Iterator[Callable[[], list[str]]]:
    """Run lines in bash; lend a function that returns the lines printed so far."""
    path = f"{Path(sys.executable).parent}:{MOCK_ENV['PATH']}"
    out = folder / "shell.out"
    with out.open("wb") as printed:
        process = subprocess.Popen(
            ["bash", "-c", lines],
            env=MOCK_ENV | {"PATH": path},
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=printed,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
    assert process.stdin is not None
    process.stdin.write(given)
    process.stdin.flush()
    try:
        yield lambda: out.read_text(encoding="utf-8").splitlines()
    finally:
        os.killpg(process.pid, SIGKILL)
        process.communicate()


def test_shell_lines_watch_and_reconnect(tmp_path: Path) -> None:
    lines, _, _ = shell_lines()
    faults = ("--fault", "close=4004@0.7", "--fault", "close=4001@1.6")
    with MockServer(tmp_path, "--no-tls", *faults) as mock:
        script = lines.replace("http://127.0.0.1:8765", mock.address).replace("sleep 5", "sleep .2")
        with shell(script, tmp_path) as printed:
            until(lambda: closes(mock)[:2] == ["4004", "4001"], within=15)
            seen = len(printed())
            until(lambda: len(printed()) > seen + 1, within=15)
            titles = set(printed())

    assert titles == {"The Reason"}


def test_shell_lines_send_a_command_and_trust_one_certificate(tmp_path: Path) -> None:
    watching, sending, certificate = shell_lines()
    functions = watching.partition("LOGIN=$(login)")[0]
    page = (HOWTO / "write-a-client.md").read_text(encoding="utf-8")
    command = re.search(r"```json\n(\{.*audio-play-pause.*\})\n```", page)
    assert command
    with MockServer(tmp_path) as mock:
        lines = certificate + functions.replace("http://127.0.0.1:8765", mock.address) + sending
        lines = lines.replace("192.168.1.20:8765", mock.address.removeprefix("https://"))
        with shell(lines, tmp_path, given=command[1] + "\n") as printed:
            until(
                lambda: r"\"playing\":false,\"artist\":\"Hoobastank\"" in printed()[-1], within=15
            )
            fingerprint = printed()[0]

    assert fingerprint.endswith(f"Fingerprint={mock.fingerprint}")


def closes(mock: MockServer) -> list[str]:
    """Return the close codes of the owner's sessions, in order."""
    return re.findall(r"user=owner .* close=(\d+)", mock.log)
