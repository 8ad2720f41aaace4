"""The embedded default: a world drawn in code, the recipe that trains a small stack on it, its weights, the demo."""
