"""D-Bus connections, and a live view of the objects of a service."""
