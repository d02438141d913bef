"""Batteries and chargers, by UPower or by the kernel."""
