"""The engine of λ-Studio. Start with: `from lambda_studio import Studio, GenerateConfig, FinetuneConfig`.

The names are imported on first use, so importing the package or one of its modules loads nothing else.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lambda_studio.config import FinetuneConfig, GenerateConfig
    from lambda_studio.pipeline.prior_pipeline import LambdaEclipsePriorPipeline
    from lambda_studio.studio import Studio
    from lambda_studio.workflows.subjects.changes import Changes

__all__ = ["Changes", "FinetuneConfig", "GenerateConfig", "LambdaEclipsePriorPipeline", "Studio"]
_MODULES = {
    "Studio": "lambda_studio.studio",
    "Changes": "lambda_studio.workflows.subjects.changes",
    "LambdaEclipsePriorPipeline": "lambda_studio.pipeline.prior_pipeline",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_MODULES.get(name, "lambda_studio.config")), name)
