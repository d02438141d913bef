"""Batteries and chargers as reported by UPower or the kernel."""
