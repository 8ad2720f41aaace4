"""The files of models: where they are, how they are named, and whether their bytes are known."""
