"""Commands that train, and that look after what training made."""
