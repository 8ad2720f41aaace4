"""What a run needs before anything slow. The plan asks for the same, so that it promises no run that is refused."""

from collections.abc import Sequence
from pathlib import Path

from concepts.records import ConceptRecord
from lambda_studio.config import FinetuneConfig, require
from lambda_studio.errors import ModelFilesMissing
from lambda_studio.models.adapters.adapter import require_base
from lambda_studio.training.devices import launched_processes, require_startable
from lambda_studio.training.optimisation.trial import require_usable
from lambda_studio.workflows.home import adapters_folder
from lambda_studio.workflows.tuning.watching.previews import preview_templates
from lambda_studio.workflows.tuning.watching.trackers import require_trackers
from lambda_studio.workflows.workplace import Workplace


def require_trainable(place: Workplace, concepts: Sequence[ConceptRecord], config: FinetuneConfig) -> None:
    """Check the launcher, the number format, the optimiser, the trackers and the previews' prompts. No model is read.

    Raises InvalidSetting, and the errors of prompts.
    """
    count = launched_processes()
    require(
        count <= 1,  # each would register a run
        f"A launcher started {count} processes, and a run of a library is trained by one.",
        "Start it without accelerate launch or torchrun, or train with several processes from Python: see "
        '"Several GPUs or processes" in docs/fine-tuning.md.',
    )
    require_startable(place.stack.device, config.mixed_precision)
    require_usable(config, place.stack.device)
    require_trackers(config)
    preview_templates(config.preview_prompts, concepts)


def start_file(place: Workplace, config: FinetuneConfig) -> Path | None:
    """Return the file of the adapter that the training begins with, or None.

    Raises ModelFilesMissing and ModelFilesInvalid if it is gone, or was made for another decoder.
    """
    if config.start_from is None:
        return None
    path = adapters_folder(place.home) / f"{config.start_from}.safetensors"
    if not path.is_file():
        cause = f"The adapter that the training begins with is gone: {path}."
        raise ModelFilesMissing(cause, "Bring the file back, or train without it (--from).")
    require_base(path, place.stack.fingerprints()["decoder"])
    return path
