"""Settings: frozen, keyword-only, each default defined once."""

from lambda_studio.settings.adapters import (
    ScaledAdapter,
    Wanted,
    checked_scale,
    read_adapters,
    require_different,
)
from lambda_studio.settings.base import LARGEST, Settings, chosen_settings, require
from lambda_studio.settings.benchmarks import BenchmarkConfig
from lambda_studio.settings.drawing import ALONE, SIZE_FIELDS, BatchRow, GenerateConfig, Size, require_seeds
from lambda_studio.settings.finetuning import FinetuneConfig

__all__ = [
    "ALONE",
    "LARGEST",
    "SIZE_FIELDS",
    "BatchRow",
    "BenchmarkConfig",
    "FinetuneConfig",
    "GenerateConfig",
    "ScaledAdapter",
    "Settings",
    "Size",
    "Wanted",
    "checked_scale",
    "chosen_settings",
    "read_adapters",
    "require",
    "require_different",
    "require_seeds",
]
