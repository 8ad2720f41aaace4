"""The public Python names, in one place: what the Python reference tells of."""

STUDIO = "lambda_studio.studio:Studio"
CONFIGURATIONS = ("lambda_studio.config:GenerateConfig", "lambda_studio.config:FinetuneConfig")
ERROR_MODULES = ("lambda_studio.errors", "concepts.errors")
OURS = ("lambda_studio", "concepts")
"""Packages whose dataclasses are told of where a public method returns one."""
