"""Queries on the registry's tables, one file for each noun. Every function runs in the caller's transaction."""
