"""Conformance checker for servers of the protocol."""
