"""What a desk has: one file a device, each a watch of readings, some with a control."""
