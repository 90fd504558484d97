"""What runs a network: devices and engines."""
