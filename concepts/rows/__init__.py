"""What the registry's tables hold, one file for each noun: every function works in the caller's transaction."""
