"""Choice of the connection that makes way for a new one, fair by the network of the client.

By age alone, one address that connects often would displace a client with a slow network.
"""

from collections import Counter
from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


def oldest_of_busiest_network(networks: Mapping[T, str]) -> T:
    """Return the first connection of the network that has the most of them.

    `networks` maps each connection to its client's network, the oldest connection first.
    """
    counts = Counter(networks.values())
    most = max(counts.values())
    return next(each for each, network in networks.items() if counts[network] == most)
