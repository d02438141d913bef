"""The daemon: settings, wiring, start, reload and stop."""
