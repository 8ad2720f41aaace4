"""Decoders of the unCLIP kind that also take a text: Stable unCLIP and Karlo."""
