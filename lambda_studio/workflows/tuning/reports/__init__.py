"""What a run shows at its end: one page with its curves, tables and pictures."""
