"""Stacks: one matching UnCLIP set of CLIP, prior and decoder. Each part is loaded on first use."""

import gc
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lambda_studio.config import Size, require
from lambda_studio.errors import ModelFilesInvalid
from lambda_studio.models.decoders.families import get_family
from lambda_studio.models.pool import BUILDING, LoadedModels, loaded_models, stamps
from lambda_studio.models.stacks.downloads import Downloads
from lambda_studio.models.stacks.specification import BUILT_IN as BUILT_IN
from lambda_studio.models.stacks.specification import EDGE_MAPS as EDGE_MAPS
from lambda_studio.models.stacks.specification import WEIGHTS as WEIGHTS
from lambda_studio.models.stacks.specification import StackSpec as StackSpec
from lambda_studio.models.stacks.toml import from_toml as from_toml
from lambda_studio.models.stacks.toml import resolve_stack as resolve_stack
from lambda_studio.progress import unheard

if TYPE_CHECKING:  # importing this module needs no torch
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    import torch

    from lambda_studio.models.clip.clip import Clip, ClipTokenizer, Tower
    from lambda_studio.models.clip.text_states import KeptStates, TextStates
    from lambda_studio.models.decoders.protocol import Blueprint, Decoder, Part
    from lambda_studio.models.prior import PriorTransformer
    from lambda_studio.models.stacks.files import StackFiles
    from lambda_studio.models.stacks.planning import DrawingPlan


SMALL = 2**27
"""Bytes of weights. A smaller part is not worth the fifth of a second that a search for unused memory takes."""


class Stack:
    """A stack's parts. Each is loaded on first use and stays in memory until `free`.

    Methods that load a part raise ModelFilesMissing and ModelFilesInvalid.

    Args:
        device: by default a GPU if there is one.
        dtype: by default the stack's precision on that device.
        on_notice: called before a download.
        agree: called with a question before a download on a machine without a GPU; it raises to stop the download.
    """

    def __init__(
        self,
        spec: StackSpec,
        device: "str | torch.device | None" = None,
        dtype: "torch.dtype | None" = None,
        on_notice: "Callable[[str], None]" = unheard,
        agree: "Callable[[str], None]" = unheard,
    ):
        import torch

        from lambda_studio.models.memory.hardware import chosen_device, default_dtype, use_tensor_cores

        self.spec = spec
        self.device = torch.device(device) if device else chosen_device(None, on_notice)
        use_tensor_cores(self.device)
        self.dtype = dtype or default_dtype(spec.precision, self.device)
        self.frees_idle = False
        """Whether text tower and prior, and the decoder, wait in the CPU's memory while the other draws."""
        self._downloads = Downloads(spec, not self.on_gpu, on_notice, agree)
        self._fingerprints: dict[str, str] = {}
        self._kept_states: KeptStates = OrderedDict()

    def clip(self, towers: "Sequence[Tower]" = ("text", "vision")) -> "Clip":
        """Return CLIP with at least these towers."""
        from lambda_studio.models.clip.clip import load_clip

        with BUILDING:
            clip = self._find("clip")
            if clip is None or not clip.towers >= set(towers):
                wanted = sorted({*towers, *(clip.towers if clip else ())})
                self.free("clip")
                if "vision" in wanted:
                    self.set_aside("decoder")  # the largest tower, which a later drawing does not need
                clip = load_clip(self._files.clip_source, self.device, self.dtype, wanted, self._note_size)
                self._models.put("clip", clip, self)
            return clip

    def _note_size(self, size: int) -> None:
        """Say that weights of so many bytes may not fit the machine. A GPU's memory has an error of its own."""
        from lambda_studio.models.memory.hardware import available_memory
        from lambda_studio.models.stacks.planning import too_short

        if not self.on_gpu and size > (free := available_memory()):
            self._downloads.notice(too_short("CLIP", size, free, is_float32=self.dtype.itemsize == 4))

    @property
    def text_states(self) -> "TextStates":
        """CLIP's text tower, loaded when a prompt is new. Other stacks have text states of their own."""
        from lambda_studio.models.clip.text_states import TextStates

        return TextStates(lambda: self.clip(("text",)), self._kept_states)

    @cached_property
    def tokenizer(self) -> "ClipTokenizer":
        """CLIP's tokenizer, loaded without CLIP's weights."""
        from lambda_studio.models.clip.clip import load_tokenizer

        return load_tokenizer(self._files.clip_source)

    def prior(self) -> "PriorTransformer":
        """Return the λ prior. It is always in float32, because it is small and runs once for each picture."""
        import torch

        from lambda_studio.models.files.pretrained import load_weights
        from lambda_studio.models.prior import PriorTransformer

        with BUILDING:
            prior = self._find("prior")
            if prior is None:
                prior = load_weights(PriorTransformer, self._files.prior(), self.device, torch.float32)
                self._refuse_mixed("prior", prior.config["embedding_dim"])
                self._models.put("prior", prior, self)
            return prior

    def decoder(self, parts: "Sequence[Part]" = ("unet", "autoencoder")) -> "Decoder":
        """Return the decoder with at least these parts. Other Studios may share it: hold `drawing` to change it."""
        with BUILDING:
            decoder = self._find("decoder")
            if decoder is None or not decoder.parts >= set(parts):
                have = decoder.parts if decoder else frozenset()
                loaded = self.own_decoder([part for part in parts if part not in have])
                decoder = loaded if decoder is None else decoder.joined(loaded)
                self._models.put("decoder", decoder, self)
            return decoder

    def own_decoder(self, parts: "Sequence[Part]", dtype: "torch.dtype | None" = None) -> "Decoder":
        """Load a decoder that is not shared, for training. `dtype` is the stack's if it is None."""
        family, source = get_family(self.spec.family), self._files.decoder_source
        with BUILDING:
            dim = family.embedding_dim(source) if family.embedding_dim else None
            if dim is not None:
                self._refuse_mixed("decoder", dim)
            return family.load(source, self.device, dtype or self.dtype, parts, **self.spec.decoder_settings)

    @property
    def drawing(self) -> "AbstractContextManager[object]":
        """The lock to hold during drawing, because adapters and schedulers change the shared decoder."""
        return self._models.drawing

    @property
    def loaded(self) -> frozenset[str]:
        """The parts in memory, among `clip`, `prior` and `decoder`."""
        return self._models.parts

    @cached_property
    def _models(self) -> LoadedModels:
        spec = self.spec
        sources = (spec.clip, spec.clip_pretrained, spec.clip_towers, spec.prior, spec.decoder, spec.unet)
        pins = (spec.revision, tuple(sorted(spec.revisions.items())), spec.variant)
        settings = tuple(sorted(spec.decoder_settings.items()))
        kind = (spec.family, settings, pins, str(self.device), str(self.dtype))
        return loaded_models((sources, kind, stamps(sources)))

    @property
    def _files(self) -> "StackFiles":  # not cached: it refers to this stack, which must be freed without a collection
        from lambda_studio.models.stacks.files import StackFiles

        return StackFiles(self.spec, self._downloads.announce)

    def drawing_plan(
        self, count: int, most: int, size: Size, keeps_features: bool = False, encodes: bool = False
    ) -> "DrawingPlan | None":
        """Return how `count` pictures are drawn in the free memory, at most `most` at once.

        None if it is not known, or on a CPU with plenty of memory for such pictures, where nothing is counted.
        `keeps_features`: `deep_cache_interval` is above 1. `encodes`: the decoder also encodes a photograph.
        """
        family, source = get_family(self.spec.family), self._files.decoder_source
        if family.footprint is None:
            return None
        from lambda_studio.models.stacks.planning import FEW, IDLE, PLENTY, plan_drawing

        free, known, usual = self.free_memory(), self.spec.gpu_bytes, size.height * size.width <= self.resolution**2
        if usual and min(count, most) <= FEW and known and not self.on_gpu and PLENTY * known <= free:
            return None
        footprint = family.footprint(source, size, self.dtype)
        if encodes and family.encoding is not None:
            footprint = replace(footprint, encoding=family.encoding(source, size, self.dtype))
        footprint = footprint.keeping() if keeps_features else footprint
        least = free if self.on_gpu else footprint.weights  # small models are not worth loading again
        plan = plan_drawing(footprint, count, most, free, min(least, IDLE * self.dtype.itemsize // 2))
        return replace(plan, of_gpu=self.on_gpu, is_float32=self.dtype.itemsize == 4)

    @property
    def decoder_needs(self) -> frozenset[str]:
        """The pictures without which the decoder draws nothing, as `Decoder.needs`. Only configurations are read."""
        needs = get_family(self.spec.family).needs
        return needs(self._files.decoder_source) if needs else frozenset()

    def require_text_to_image(self) -> None:
        """Raise InvalidSetting if the decoder needs more than an image embedding, so that it cannot be trained."""
        cause = f"The decoder of {self.spec.name} needs a picture beside the prompt, and is not fine-tuned."
        require(not self.decoder_needs, cause, "Fine-tune a stack with a text-to-image decoder.")

    def blueprint(self, resolution: int, dtype: "torch.dtype") -> "Blueprint | None":
        """Return the UNet without values, to count training with; None if its family has none. No weights are read."""
        of_family = get_family(self.spec.family).blueprint
        return of_family(self._files.decoder_source, resolution, dtype) if of_family else None

    @property
    def on_gpu(self) -> bool:
        """Whether its device is a GPU."""
        return self.device.type != "cpu"

    def free_memory(self) -> int:
        """Return the free bytes of the GPU or the machine, with the bytes that this process may use again."""
        from lambda_studio.models.memory.hardware import free_memory

        return free_memory(self.device)

    @property
    def resolution(self) -> int:
        """Pixels on a side of this stack's pictures. No part is loaded."""
        if self.spec.resolution:
            return self.spec.resolution
        return get_family(self.spec.family).resolution(self._files.decoder_source)

    def require_resolution(self, resolution: int) -> None:
        """Raise InvalidSetting for a resolution that the decoder cannot draw. Only configurations are read."""
        self.require_size(Size.square(resolution))

    def require_size(self, size: Size) -> None:
        """Raise InvalidSetting for a size that the decoder cannot draw. Only configurations are read."""
        family = get_family(self.spec.family)
        if family.multiple is not None:
            from lambda_studio.models.decoders.protocol import require_drawable

            require_drawable(size, family.multiple(self._files.decoder_source))

    @property
    def size_multiple(self) -> int:
        """The number of which height and width are multiples. Only configurations are read."""
        family = get_family(self.spec.family)
        return 1 if family.multiple is None else family.multiple(self._files.decoder_source)

    def free(self, part: str) -> None:
        """Free `clip`, `prior` or `decoder`, or only the decoder's `unet` or `autoencoder`.

        A part that another stack uses stays in memory.
        """
        with BUILDING:
            size = self._size(part)
            if part in ("unet", "autoencoder") and self._models.held_alone("decoder", self):
                self._models.put("decoder", self._models.find("decoder", self).without(part), self)
            self._models.release(part, self)
        if size > SMALL:
            self._return_memory()

    def spare(self, part: str) -> None:
        """Free a part that is not needed soon. A small one stays, because its memory is not worth loading it again."""
        if self._size(part) > SMALL:
            self.free(part)

    def _size(self, part: str) -> int:
        """Return the bytes of a loaded part's weights; those of `unet` and `autoencoder` are the decoder's."""
        from lambda_studio.models.memory.live_bytes import weight_bytes
        from lambda_studio.models.stacks.residence import networks_of

        found = self._models.peek("decoder" if part in ("unet", "autoencoder") else part)
        return 0 if found is None else sum(map(weight_bytes, networks_of(found)))

    def _return_memory(self) -> None:
        from lambda_studio.models.memory.hardware import return_memory

        gc.collect()
        return_memory(self.device)

    def set_aside(self, part: str) -> None:
        """Move `clip`, `prior` or `decoder` to the CPU's memory until it is used again.

        A part that another stack uses stays. If the CPU's memory has no room for the part, it is freed. Where there is
        one memory, a part is freed too; on a CPU only if `frees_idle`, because its memory has no error that is caught.
        """
        from lambda_studio.models.stacks.residence import set_aside

        if not self.on_gpu and not self.frees_idle:
            return
        with BUILDING:
            if self.device.type in ("cpu", "mps") or not set_aside(self._models, part, self):
                self.free(part)
        self._return_memory()

    def _find(self, part: str) -> Any:
        """Return a loaded part on its device, or None."""
        from lambda_studio.models.stacks.residence import place

        found = self._models.find(part, self)
        if found is not None:
            place(found, self.device)
        return found

    def close(self) -> None:
        """Free all parts."""
        with BUILDING:
            for part in ("clip", "prior", "decoder"):
                self._models.release(part, self)

    def fingerprints(self) -> dict[str, str]:
        """Return a SHA-256 for each of clip, prior, decoder (its UNet) and autoencoder, from their files."""
        if not self._fingerprints:
            self._fingerprints = self._files.fingerprints()
        return dict(self._fingerprints)

    def damaged_files(self) -> list[Path]:
        """Read the files of all parts and return the files whose hash differs from the known one."""
        return self._files.damaged()

    def require_fetched(self, part: str | None = None) -> None:
        """Raise ModelFilesNotFetched if a file of a part, or of any, is only on the hub. No file is downloaded."""
        from lambda_studio.models.stacks.files import StackFiles

        files = StackFiles(self.spec, self._downloads.refuse)
        _ = files.part(part) if part else files.all()

    def fetch(self) -> None:
        """Download what is missing of all parts. Raises ModelFilesMissing and ModelFilesInvalid."""
        self._files.all()

    @cached_property
    def clip_fingerprint(self) -> str:
        """A SHA-256 of CLIP, from its files. The other parts are not looked for, so that diffusers is not imported."""
        return self._files.clip().fingerprint

    @property
    def embedding_dim(self) -> int:
        """How many numbers CLIP's embeddings have. Only its configuration is read."""
        from lambda_studio.models.clip.files import tokenizer_files

        return tokenizer_files(self._files.clip_source).model_config["embed_dim"]

    def _refuse_mixed(self, part: str, dim: int) -> None:
        clip_dim = self.embedding_dim
        if dim != clip_dim:
            raise ModelFilesInvalid(
                f"The stack {self.spec.name} has a CLIP with {clip_dim} dimensions and a {part} for {dim}.",
                f"Give a {part} that was trained on this CLIP.",
            )
