"""Import and export of concepts: bundles, which are untrusted input, and common folder layouts."""
