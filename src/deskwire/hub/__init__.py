"""The desk's present snapshot, its frames, and the way of a command to its device."""
