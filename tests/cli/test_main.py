import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from deskwire.cli.main import COMMANDS, app


@pytest.mark.parametrize("word", COMMANDS)
def test_what_is_typed_is_the_command_of_that_name(word: str) -> None:
    command = app.get_command(click.Context(app), word)

    assert command is not None
    assert command.name == word


def test_all_commands_are_listed_with_what_they_do() -> None:
    shown = CliRunner().invoke(app, ["--help"]).output

    listed = [line.split()[0] for line in shown.partition("Commands:")[2].splitlines() if line]
    assert listed == sorted(COMMANDS)
    assert "Serve this desk until Ctrl-C." in shown


def test_what_is_no_command_is_said_to_be_none() -> None:
    done = CliRunner().invoke(app, ["sevre"])

    assert done.exit_code == 2
    assert "No such command 'sevre'" in done.output


SERVE_ONLY = """
import sys, click
from deskwire.cli.main import app
app.get_command(click.Context(app), "serve")
print(*sys.modules)
"""


def test_a_command_is_imported_without_the_others() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SERVE_ONLY], capture_output=True, text=True, check=True
    )

    imported = set(done.stdout.split())
    assert "deskwire.cli.commands.serve" in imported
    assert {f"deskwire.cli.{each}" for each in ("users", "media", "top")} & imported == set()
