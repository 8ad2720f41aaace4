"""Processes of ours: isolated from the current folder, without network, with few rights."""
