"""The base protocol: messages, codec and both session state machines."""
