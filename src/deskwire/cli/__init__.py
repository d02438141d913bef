"""Command line of deskwire."""
