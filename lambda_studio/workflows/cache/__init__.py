"""Results of frozen encoders, kept in the registry under keys that say all they depend on."""
