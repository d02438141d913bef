"""What a desk has: one file a device, each a watch of readings, some with a control.

The rooms below hold what devices read: the buses, the kernel's files and events, pictures.
"""
