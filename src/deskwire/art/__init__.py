"""Pictures that players name, entry as bytes."""
