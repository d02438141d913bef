"""What the kernel tells: its files, its devices, its events."""
