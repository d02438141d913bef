"""Pictures that players name, kept as bytes."""
