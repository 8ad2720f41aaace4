"""Exports and imports of concepts."""
