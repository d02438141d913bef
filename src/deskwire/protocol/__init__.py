"""Both halves of a session: no socket, no clock, no input or output."""
