"""Masks of a concept's images: found, marked by the user, shown and written as files."""
