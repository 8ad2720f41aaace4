"""What is known of a run before anything is loaded: its length, its memory, and what may spoil it."""
