"""Protocols as pure code, for both ends: no socket, no clock, no input or output."""
