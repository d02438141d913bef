"""Queue of connections that make way for new ones, fair by client.

By age alone, a client that connects often would displace a client with a slow network. So a
connection of the busiest client makes way. A stranger is an IPv4 address or an IPv6 /64. An address
from which a user has logged in before is a client of its own and does not make way for strangers,
not even for those of its own network.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

from deskwire.auth.identity import client_address, client_network

T = TypeVar("T")

PROTECTED_CONNECTIONS = 32
"""Connections of a known address above which it makes way like a stranger."""


class EvictionQueue(Generic[T]):
    """Connections by client, the oldest first."""

    def __init__(self, is_known: Callable[[str], bool] = lambda _: False) -> None:
        """`is_known` returns whether a user has logged in from an address before."""
        self._is_known = is_known
        self._clients: dict[T, str] = {}
        self._connections: dict[str, dict[T, None]] = {}
        self._known: set[str] = set()
        """Clients in `_connections` that are known addresses."""

    def __len__(self) -> int:
        return len(self._clients)

    def add(self, connection: T, address: str) -> None:
        """Add a connection of the client at `address`."""
        client = client_address(address)
        if self._is_known(client):
            self._known.add(client)
        else:
            client = client_network(address)
        self._clients[connection] = client
        self._connections.setdefault(client, {})[connection] = None

    def move(self, connection: T, address: str) -> None:
        """Count a connection for another client, which a trusted proxy has named."""
        if connection in self._clients:
            self.discard(connection)
            self.add(connection, address)

    def discard(self, connection: T) -> None:
        """Remove a connection, which may be missing."""
        client = self._clients.pop(connection, None)
        if client is not None:
            del self._connections[client][connection]
            if not self._connections[client]:
                del self._connections[client]
                self._known.discard(client)

    def evict(self) -> T:
        """Remove and return the connection that makes way; there must be one."""
        by_client = self._connections
        unprotected = [
            client
            for client, connections in by_client.items()
            if client not in self._known or len(connections) > PROTECTED_CONNECTIONS
        ]
        busiest = max(unprotected or by_client, key=lambda client: len(by_client[client]))
        evicted = next(iter(by_client[busiest]))
        self.discard(evicted)
        return evicted
