"""Frozen or trainable networks (CLIP, the λ prior, the decoder), adapters, and which weights to load."""
