"""Devices of a desk: one file each, with readings and commands.

The packages hold the sources that devices share: D-Bus, kernel files and events, MPRIS, sound.
"""
