"""Wireless adapters, by whoever speaks for them: NetworkManager, iwd or the kernel."""
