"""The public Python names, in one place: what the Python reference tells of."""

STUDIO = "lambda_studio:Studio"
UPKEEP = "lambda_studio.workflows.upkeep.database:DatabaseUpkeep"
"""What `Studio.upkeep` returns."""
CONFIGURATIONS = ("lambda_studio:GenerateConfig", "lambda_studio:FinetuneConfig", "lambda_studio:Changes")
ERROR_MODULES = ("lambda_studio.errors", "concepts.errors")
OURS = ("lambda_studio", "concepts")
"""Packages whose dataclasses are told of where a public method returns one."""
