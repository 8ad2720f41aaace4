"""Tell whether a stack's models are on this machine, without torch and without reading them."""

from lambda_studio.models.files.sources import Source
from lambda_studio.models.stacks.specification import StackSpec

LARGE = {
    "prior": ("config.json",),
    "decoder": ("unet/config.json", "movq/config.json", "vae/config.json", "decoder/config.json", "model_index.json"),
}
"""Parts of every stack, and files that tell that a part was fetched."""


def missing_part(spec: StackSpec) -> str | None:
    """Return the first of the prior and the decoder that is not on this machine, or None. Nothing is downloaded.

    None does not promise that every file is there.
    """
    for part, names in LARGE.items():
        source = Source(getattr(spec, part), spec.revision_of(part), hashes=spec.hashes.get(part, {}))
        if (source.find(names) is None) if source.is_hub else not source.folder.is_dir():
            return f"the {part} of the stack {spec.name} is not on this machine"
    return None
