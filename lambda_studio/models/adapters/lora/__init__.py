"""LoRA: its shape, how it is put on a UNet, and how a file of it is merged."""
