"""The parts of `lambda_studio.studio` that bring the registry and the engine together."""
