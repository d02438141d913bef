"""WebSocket endpoint: handshake, sessions and broadcast."""
