"""The use cases of `lambda_studio.studio`. They connect the registry and the engine."""
