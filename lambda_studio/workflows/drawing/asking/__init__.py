"""What a drawing is asked for: prompts, given pictures, and what they need, checked before any model is loaded."""
