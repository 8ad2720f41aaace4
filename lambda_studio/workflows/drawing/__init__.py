"""Draw a prompt and write the picture files."""
