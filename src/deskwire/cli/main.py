"""The table of commands."""

from typing import Annotated

import typer

from deskwire import __version__
from deskwire.cli.serve import serve

app = typer.Typer(
    name="deskwire",
    help="One person's Linux session, live on any screen.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def about(
    version: Annotated[
        bool, typer.Option("--version", help="Say which version this is.", is_eager=True)
    ] = False,
) -> None:
    """One person's Linux session, live on any screen."""
    if version:
        print(f"deskwire {__version__}")
        raise typer.Exit


app.command()(serve)


def run() -> None:
    """Do what was typed."""
    app()
