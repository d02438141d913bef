"""The full-screen terminal program `deskwire top`."""
