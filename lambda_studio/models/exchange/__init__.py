"""Adapters in the formats of other libraries: LoRAs come in, and folders for diffusers go out."""
