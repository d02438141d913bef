"""What a command's exit code means; stable, and in the reference."""

OK = 0
FAILED = 1
"""What was asked could not be done."""
USAGE = 2
"""A wrong word on the command line, or a wrong setting."""
PORT = 3
"""The address or port cannot be had."""
STATE = 4
"""The state directory, or a file of it, cannot be used."""
