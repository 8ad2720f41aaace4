"""Concepts that travel: bundles, read as if an enemy had written them, and the folders that people have."""
