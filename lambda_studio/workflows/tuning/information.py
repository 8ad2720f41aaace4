"""What the adapter of a run says of itself."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from concepts.records import ConceptRecord
from lambda_studio.config import FinetuneConfig
from lambda_studio.models.adapters.information import AdapterInfo

ONLY_SHOWN = ("preview_every", "preview_prompts", "report_to")
"""Settings that an adapter does not depend on, and does not store. Scored previews are the exception."""


def information(
    stack: str, base_fingerprint: str, concepts: Sequence[ConceptRecord], config: FinetuneConfig
) -> AdapterInfo:
    """Return the metadata of the adapter that was trained on these concepts."""
    left_out = ONLY_SHOWN[1:] if config.holdout else ONLY_SHOWN
    settings = {name: value for name, value in asdict(config).items() if name not in left_out}
    settings |= {"learning_rate": config.effective_learning_rate, "base_fingerprint": base_fingerprint}
    return AdapterInfo(
        method=config.method,
        rank=config.rank,
        stack=stack,
        base_fingerprint=base_fingerprint,
        concepts=tuple(map(_seen, concepts)),
        settings=settings,
        lora_alpha=None if config.lora_alpha is None else float(config.lora_alpha),
        use_dora=config.use_dora,
        use_rslora=config.use_rslora,
        targets=config.targets,
    )


def _seen(concept: ConceptRecord) -> dict[str, Any]:
    version = {"version": concept.version, "manifest": concept.manifest}
    return {"name": concept.name, "library": concept.library, **version}
