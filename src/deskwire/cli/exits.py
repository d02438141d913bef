"""What a command's exit code means; stable, and in the reference."""

OK = 0
FAILED = 1
USAGE = 2
PORT = 3
STATE = 4

MEANINGS = {
    OK: "Done",
    FAILED: "What was asked could not be done",
    USAGE: "A wrong word on the command line, or a wrong setting",
    PORT: "The address or port cannot be had",
    STATE: "The state directory, or a file of it, cannot be used",
}
