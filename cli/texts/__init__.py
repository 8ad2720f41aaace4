"""What commands print: plans, scores and tables, line by line."""
