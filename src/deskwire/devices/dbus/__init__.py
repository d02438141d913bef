"""D-Bus: the buses of a desk, and the objects of a service kept up to date."""
