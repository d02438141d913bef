import pytest

from deskwire.auth.identity import client_network
from deskwire.server.eviction import oldest_of_busiest_network


@pytest.mark.parametrize(
    ("addresses", "evicted"),
    [
        (["10.0.0.1", "10.0.0.2", "10.0.0.3"], 0),
        (["10.0.0.1", "10.0.0.2", "10.0.0.2"], 1),
        (["10.0.0.2", "10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.2"], 0),
        (["10.0.0.1", "2001:db8::1", "2001:db8::2"], 1),
        (["2001:db8::1", "2001:db8:0:1::1", "2001:db8:0:1::2"], 1),
        (["10.0.0.9", "10.0.0.1", "::ffff:10.0.0.1"], 1),
        (["fe80::1%eth0", "10.0.0.1", "10.0.0.1"], 1),
        (["", "10.0.0.1", "10.0.0.1"], 1),
    ],
)
def test_oldest_connection_of_the_busiest_network_is_evicted(
    addresses: list[str], evicted: int
) -> None:
    networks = dict(enumerate(map(client_network, addresses)))

    assert oldest_of_busiest_network(networks) == evicted
