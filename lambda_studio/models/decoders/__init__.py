"""Decoders: from an image embedding to a picture, one module for each family."""
