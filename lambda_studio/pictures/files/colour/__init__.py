"""Colours of picture files: profiles, colours that are stated by numbers, and their conversion to sRGB."""
