"""What people read of an evaluation, and of two beside each other: one page with numbers, plots and pictures."""
