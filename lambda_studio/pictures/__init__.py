"""Picture files: opened by an isolated process, masked, cropped, and written as output."""
