"""Wireless adapters as reported by NetworkManager, iwd or the kernel."""
