"""Picture files: opened once by an isolated process, masked, cropped, written for people."""
