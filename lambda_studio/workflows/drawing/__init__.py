"""From a prompt to picture files."""
