"""Terminal output and input shared by `cli` and `tui`."""
