"""What models take of a machine: its device, and the bytes that a forward pass holds."""
