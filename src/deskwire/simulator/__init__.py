"""The mock server: a written scenario in place of devices."""
