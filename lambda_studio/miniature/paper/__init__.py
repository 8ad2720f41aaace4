"""Claims of the λ-ECLIPSE paper, measured on the miniature, where the truth is known."""
