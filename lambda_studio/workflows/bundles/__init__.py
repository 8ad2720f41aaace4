"""Concepts that leave a library, and concepts that come in."""
