"""MPRIS players: property parsers, one player's state, ids and the registry."""
