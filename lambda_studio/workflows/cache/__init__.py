"""Cached results of frozen encoders, stored in the registry by keys that name every dependency."""
