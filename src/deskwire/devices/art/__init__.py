"""Album art: the pictures that players name, read safely and kept as bytes."""
