"""TCP and TLS: listener, transports and certificates."""
