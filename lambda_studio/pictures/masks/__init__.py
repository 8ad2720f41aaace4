"""Find which pixels of a picture are its subject."""
