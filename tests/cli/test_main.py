import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from deskwire.cli.exit_codes import fail
from deskwire.cli.main import COMMANDS, app


@pytest.mark.parametrize("name", COMMANDS)
def test_table_row_matches_its_command(name: str) -> None:
    command = app.get_command(click.Context(app), name)

    assert command is not None
    assert command.name == name
    assert command.short_help == COMMANDS[name].summary


def test_help_lists_all_commands_with_summaries() -> None:
    shown = CliRunner().invoke(app, ["--help"]).output

    listed = [line.split()[0] for line in shown.partition("Commands:")[2].splitlines() if line]
    assert listed == sorted(COMMANDS)
    assert "Serve this desk until Ctrl-C." in shown


def test_unknown_command_exits_2() -> None:
    done = CliRunner().invoke(app, ["sevre"])

    assert done.exit_code == 2
    assert "No such command 'sevre'" in done.output


SERVE_ONLY = """
import sys, click
from deskwire.cli.main import app
app.get_command(click.Context(app), "serve")
print(*sys.modules)
"""


def test_command_is_imported_without_the_others() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SERVE_ONLY], capture_output=True, text=True, check=True
    )

    imported = set(done.stdout.split())
    assert "deskwire.cli.commands.serve" in imported
    assert {
        f"deskwire.cli.commands.{each}" for each in ("users", "players", "top")
    } & imported == set()


def test_help_imports_no_command() -> None:
    code = "import sys; from deskwire.cli.main import app; app(['--help'], standalone_mode=False); "
    code += "print(*sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    imported = set(done.stdout.splitlines()[-1].split())
    assert not [name for name in imported if name.startswith("deskwire.cli.commands")]
    assert {"msgspec", "asyncio", "aiohttp", "argon2", "sqlite3", "textual"} & imported == set()


def test_message_of_a_desk_cannot_control_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        fail("the desk says \x1b]0;owned\x07 \x9b2J \u202eabc\nadvice", 5)

    assert capsys.readouterr().err == (
        "deskwire: the desk says \ufffd]0;owned\ufffd \ufffd2J \ufffdabc\nadvice\n"
    )
