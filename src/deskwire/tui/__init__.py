"""Full-screen terminal program `deskwire top`."""
