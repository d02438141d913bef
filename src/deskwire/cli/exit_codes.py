"""What a command's exit code means; stable, and in the reference."""

OK = 0
FAILED = 1
USAGE = 2
PORT = 3
STATE = 4
LOGIN = 5
UNREACHABLE = 6
UNTRUSTED = 7
PLAYER = 8
INTERRUPTED = 130

MEANINGS = {
    OK: "Done",
    FAILED: "What was asked could not be done",
    USAGE: "A wrong word on the command line, or a wrong setting",
    PORT: "The address or port cannot be had",
    STATE: "The state directory, or a file of it, cannot be used",
    LOGIN: "Not logged in to that desk, or no longer; or the password is wrong",
    UNREACHABLE: "The desk does not answer, or what answers is no desk",
    UNTRUSTED: "The desk's certificate is not trusted, or not the one that was kept",
    PLAYER: "No player is meant: none of that name, or more than one",
    INTERRUPTED: "Ended by Ctrl-C",
}
