"""CLIP: its files in every layout that people have, and its two towers."""
