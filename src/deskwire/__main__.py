"""`python -m deskwire` is the `deskwire` command."""

from deskwire.cli.main import run

if __name__ == "__main__":
    run()
