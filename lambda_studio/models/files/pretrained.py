"""Models in diffusers' layout: a folder with config.json and safetensors."""

from pathlib import Path
from typing import Any

import torch
from diffusers.models.modeling_utils import ModelMixin

from lambda_studio.errors import ModelFilesInvalid
from lambda_studio.models.files.locating import OTHER_ROUTES
from lambda_studio.models.files.weights import variant_of


def load_model(
    model_class: type[ModelMixin],
    folder: Path,
    device: str | torch.device,
    dtype: torch.dtype,
    variant: str | None = None,
) -> Any:
    """Load a model of `model_class` from its folder and freeze the weights. Raises ModelFilesInvalid."""
    try:
        loaded: Any = model_class.from_pretrained(
            folder,
            use_safetensors=True,
            torch_dtype=dtype,
            variant=variant,
            local_files_only=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
        why = str(error).splitlines()[0].split(". ")[0][:300]
        raise ModelFilesInvalid(f"{folder} holds no {model_class.__name__} ({why}).", OTHER_ROUTES) from error
    model, info = loaded
    wrong = sorted(info["missing_keys"]) + sorted(info["unexpected_keys"])
    if wrong:  # diffusers would continue with random weights
        raise ModelFilesInvalid(
            f"The weights in {folder} do not match its config.json: {', '.join(wrong[:3])} ({len(wrong)} in all).",
            OTHER_ROUTES,
        )
    return model.to(device).eval().requires_grad_(False)


def load_weights(model_class: type[ModelMixin], weights: Path, device: str | torch.device, dtype: torch.dtype) -> Any:
    """Load a model from its weights, which `find_weights` found, and the config.json beside them."""
    return load_model(model_class, weights.parent, device, dtype, variant_of(weights))
