"""Runs, the adapters that they made, and the concept versions that both saw."""
