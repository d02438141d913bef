"""KernelAdapters interfaces: files, sysfs devices, uevents and netlink."""
