"""Decoders, which turn an image embedding into a picture. Each family has a module."""
