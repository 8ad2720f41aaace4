"""The drawn world: figures, places, scenes and their captions."""
