"""Checks behind `deskwire doctor`."""
