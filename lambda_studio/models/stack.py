"""Stacks: one UnCLIP set that belongs together, and its parts, loaded when they are first needed."""

import difflib
import gc
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lambda_studio.config import require
from lambda_studio.errors import InvalidSetting, ModelFilesInvalid, ModelFilesMissing, ModelFilesNotFetched
from lambda_studio.models.decoders.families import KANDINSKY, get_family, require_family
from lambda_studio.models.files import OTHER_ROUTES, OnDownload, get_file, is_damaged
from lambda_studio.models.pool import BUILDING, LoadedModels, loaded_models, stamps
from lambda_studio.progress import unheard

if TYPE_CHECKING:  # a stack can be named and checked without torch
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    import torch

    from lambda_studio.models.clip import Clip, ClipFiles, ClipTokenizer, Tower
    from lambda_studio.models.decoders.protocol import Decoder, DecoderSource, Part
    from lambda_studio.models.prior import PriorTransformer

WEIGHTS = Path(__file__).parent.parent / "miniature" / "weights"
PRIOR_WEIGHTS = "diffusion_pytorch_model.safetensors"
PRECISIONS = ("auto", "fp32", "fp16", "bf16")
EDGE_MAPS = ("canny", "gradient")
"""The names of `pictures.edges.EDGE_MAPS`: a stack is named and checked without OpenCV."""


@dataclass(frozen=True, kw_only=True)
class StackSpec:
    """Which weights a stack is made of."""

    name: str
    """What `--stack` calls it."""
    clip: str
    """An open_clip model's name, `hf-hub:org/repo` or `local-dir:FOLDER`."""
    clip_pretrained: str | None = None
    """The tag, or the .safetensors file, of weights for an open_clip model's name."""
    prior: str
    """A folder or hub id of a λ prior (config.json and safetensors)."""
    decoder: str
    """A folder or hub id in diffusers' layout (unet/ movq/ scheduler/)."""
    family: str = KANDINSKY
    """What kind of decoder that is: a name in `families.FAMILIES`."""
    detector: str = "IDEA-Research/grounding-dino-tiny"
    """A folder or hub id of a Grounding DINO, for --segment grounded."""
    segmenter: str = "facebook/sam-vit-base"
    """A folder or hub id of a SAM, for the same."""
    resolution: int | None = None
    """Pixels on a side; None is what the UNet was trained on."""
    revision: str | None = None
    """The decoder's revision on the hub."""
    variant: str | None = None
    """The decoder's weight files' variant, such as fp16."""
    precision: str = "auto"
    """`fp32`, `fp16`, `bf16`, or `auto`: half on a GPU, fp32 elsewhere."""
    edges: str = "canny"
    """The edge map that its prior learnt, for `--edges`: `canny` (as the published λ-ECLIPSE) or `gradient`."""
    licence: str = "see where the weights come from"
    """Said before a download."""
    download: str = "its weights"
    """How large they are; said before a download."""
    finetune: dict[str, Any] = field(default_factory=dict)
    """FinetuneConfig's settings that this stack prefers."""
    generate: dict[str, Any] = field(default_factory=dict)
    """GenerateConfig's settings that this stack prefers."""

    def __post_init__(self) -> None:
        for name in ("name", "clip", "prior", "decoder", "detector", "segmenter"):
            require(bool(getattr(self, name)), f"The stack's {name} is empty.", "Name it in the stack's TOML file.")
        require_family(self.family)
        for name, known in (("precision", PRECISIONS), ("edges", EDGE_MAPS)):
            value = getattr(self, name)
            require(value in known, f"The stack's {name} is {value!r}.", f"Give one of: {' '.join(known)}.")


BUILT_IN = {
    "miniature": StackSpec(
        name="miniature",
        clip=f"local-dir:{WEIGHTS / 'clip'}",
        prior=str(WEIGHTS / "prior"),
        decoder=str(WEIGHTS / "decoder"),
        precision="fp32",
        edges="gradient",
        licence="Apache-2.0",
        download="nothing: it is part of the package",
        generate={"guidance_scale": 3.0},
        finetune={"learning_rate": 1e-4, "batch_size": 8, "steps": 400, "rank": 32},
    ),
    "kandinsky-2.2": StackSpec(
        name="kandinsky-2.2",
        clip="ViT-bigG-14",
        clip_pretrained="laion2b_s39b_b160k",
        prior="ECLIPSE-Community/Lambda-ECLIPSE-Prior-v1.0",
        decoder="kandinsky-community/kandinsky-2-2-decoder",
        resolution=512,
        licence="Kandinsky 2.2: Apache-2.0; CLIP ViT-bigG-14: MIT; λ-ECLIPSE prior: see its page on the hub",
        download="about 15.6 GB: CLIP 10.2 GB, decoder 5.3 GB, prior 0.1 GB",
    ),
}


def resolve_stack(name_or_toml: str) -> StackSpec:
    """A built-in stack by its name, or the stack that a TOML file describes. Raises InvalidSetting."""
    if name_or_toml in BUILT_IN:
        return BUILT_IN[name_or_toml]
    if name_or_toml.endswith(".toml"):
        return from_toml(Path(name_or_toml))
    near = difflib.get_close_matches(name_or_toml, BUILT_IN, n=1)
    meant = f"Did you mean {near[0]}? " if near else ""
    raise InvalidSetting(f"There is no stack {name_or_toml!r}.", f"{meant}Give {', '.join(BUILT_IN)} or a FILE.toml.")


def from_toml(path: Path) -> StackSpec:
    """The stack that a TOML file describes; folders in it may be relative to the file.

    Raises ModelFilesMissing where there is no such file, and InvalidSetting for what is wrong in it.
    """
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelFilesMissing(
            f"The stack file {path} cannot be read ({error.strerror}).", "Check --stack."
        ) from error
    except ValueError as error:
        raise InvalidSetting(f"{path} is not TOML ({error}).", "Correct it.") from error
    _check_settings(settings, path)
    parts = [key for key in ("clip", "prior", "decoder", "detector", "segmenter") if key in settings]
    folders: dict[str, str] = {key: _beside(path, settings[key]) for key in parts}
    named = {"name": path.stem, **settings, **folders}
    return StackSpec(**named)


def _check_settings(settings: dict[str, Any], path: Path) -> None:
    kinds = {each.name: str for each in fields(StackSpec)} | {"finetune": dict, "generate": dict, "resolution": int}
    for key, value in settings.items():
        near = difflib.get_close_matches(key, kinds, n=1)
        meant = f"Did you mean {near[0]}?" if near else f"It may have: {', '.join(kinds)}."
        require(key in kinds, f"{path} has an unknown setting {key!r}.", meant)
        require(isinstance(value, kinds[key]), f"{path} has {key} = {value!r}.", f"Give a {kinds[key].__name__}.")
    for key in ("clip", "prior", "decoder"):
        require(key in settings, f"{path} does not say {key}.", f"Add a line: {key} = 'FOLDER or hub id'.")


def _beside(toml: Path, place: str) -> str:
    """A place named in a TOML file: absolute where it is a folder, else the hub id or model name that it must be."""
    folder = place.removeprefix("local-dir:")
    absolute = toml.parent.absolute() / Path(folder).expanduser()
    if place != folder:
        return f"local-dir:{absolute}"
    return str(absolute) if place and absolute.is_dir() else place


class Stack:
    """A stack's parts. Each is loaded when it is first asked for, kept, and let go by `free`.

    `device` is a GPU where there is one, `dtype` what the stack prefers there; `on_notice` is told before a download.
    Every part raises ModelFilesMissing and ModelFilesInvalid.
    """

    def __init__(
        self,
        spec: StackSpec,
        device: "str | torch.device | None" = None,
        dtype: "torch.dtype | None" = None,
        on_notice: "Callable[[str], None]" = unheard,
    ):
        import torch

        self.spec = spec
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.dtype = dtype or default_dtype(spec.precision, self.device)
        self._on_notice = on_notice
        self._announced = False
        self._fingerprints: dict[str, str] = {}

    def clip(self, towers: "Sequence[Tower]" = ("text", "vision")) -> "Clip":
        """CLIP with at least these towers."""
        from lambda_studio.models.clip import load_clip

        with BUILDING:
            clip = self._models.find("clip", self)
            if clip is None or not clip.towers >= set(towers):
                wanted = sorted({*towers, *(clip.towers if clip else ())})
                self.free("clip")
                spec = self.spec
                clip = load_clip(spec.clip, spec.clip_pretrained, self.device, self.dtype, wanted, self._announce)
                self._models.put("clip", clip, self)
            return clip

    @cached_property
    def tokenizer(self) -> "ClipTokenizer":
        """CLIP's tokenizer, for which no weights are read."""
        from lambda_studio.models.clip import load_tokenizer

        return load_tokenizer(self.spec.clip, self._announce)

    def prior(self) -> "PriorTransformer":
        """The λ prior, in float32 everywhere: it is small, and runs once for each picture."""
        import torch

        from lambda_studio.models.pretrained import load_model
        from lambda_studio.models.prior import PriorTransformer

        with BUILDING:
            prior = self._models.find("prior", self)
            if prior is None:
                folder = self._prior_weights(self._announce).parent
                prior = load_model(PriorTransformer, folder, self.device, torch.float32)
                self._refuse_mixed(prior.config["embedding_dim"])
                self._models.put("prior", prior, self)
            return prior

    def decoder(self, parts: "Sequence[Part]" = ("unet", "autoencoder")) -> "Decoder":
        """The decoder with at least these parts. Stacks of other Studios may use it: hold `drawing` to change it."""
        with BUILDING:
            decoder = self._models.find("decoder", self)
            if decoder is None or not decoder.parts >= set(parts):
                have = decoder.parts if decoder else frozenset()
                loaded = self.own_decoder([part for part in parts if part not in have])
                decoder = loaded if decoder is None else decoder.joined(loaded)
                self._models.put("decoder", decoder, self)
            return decoder

    def own_decoder(self, parts: "Sequence[Part]") -> "Decoder":
        """Load a decoder that nobody else uses, to be trained."""
        family, source = get_family(self.spec.family), self._decoder_source(self._announce)
        with BUILDING:
            return family.load(source, self.device, self.dtype, parts)

    @property
    def drawing(self) -> "AbstractContextManager[object]":
        """The lock that is held while pictures are drawn: an adapter changes the decoder, a scheduler counts steps."""
        return self._models.drawing

    @property
    def loaded(self) -> frozenset[str]:
        """Which of `clip`, `prior` and `decoder` are in memory."""
        return self._models.parts

    @cached_property
    def _models(self) -> LoadedModels:
        spec = self.spec
        sources = (spec.clip, spec.clip_pretrained, spec.prior, spec.decoder)
        kind = (spec.family, spec.revision, spec.variant, str(self.device), str(self.dtype))
        return loaded_models((sources, kind, stamps(sources)))

    @property
    def resolution(self) -> int:
        """Pixels on a side of this stack's pictures, without loading anything."""
        if self.spec.resolution:
            return self.spec.resolution
        return get_family(self.spec.family).resolution(self._decoder_source(self._announce))

    def free(self, part: str) -> None:
        """Let go of `clip`, `prior` or `decoder`, or of the decoder's `unet` or `autoencoder` alone.

        What another stack holds stays in memory.
        """
        with BUILDING:
            if part in ("unet", "autoencoder") and self._models.held_alone("decoder", self):
                self._models.put("decoder", self._models.find("decoder", self).without(part), self)
            self._models.release(part, self)
        gc.collect()
        if self.device.type == "cuda":
            import torch

            torch.cuda.empty_cache()

    def close(self) -> None:
        """Let go of all parts."""
        with BUILDING:
            for part in ("clip", "prior", "decoder"):
                self._models.release(part, self)

    def fingerprints(self) -> dict[str, str]:
        """A SHA-256 for each of clip, prior, decoder (its UNet) and autoencoder, from their files alone."""
        if not self._fingerprints:
            from lambda_studio.models.pretrained import model_fingerprint

            clip, prior, _ = self._files(self._announce)
            decoder = get_family(self.spec.family).fingerprints(self._decoder_source(self._announce))
            self._fingerprints = {
                "clip": clip.fingerprint,
                "prior": model_fingerprint(prior),
                "decoder": decoder["unet"],
                "autoencoder": decoder["autoencoder"],
            }
        return dict(self._fingerprints)

    def damaged_files(self) -> list[Path]:
        """Read the files of all parts and return those that have another hash than they are known by."""
        clip, prior, decoder = self._files(self._announce)
        return [path for path in (clip.weights, prior, *decoder.values()) if is_damaged(path)]

    def require_fetched(self) -> None:
        """Raise ModelFilesNotFetched where a file of a part is on the hub still. None is fetched, and none is read."""
        self._files(self._refuse_download)

    def _files(self, on_download: OnDownload) -> "tuple[ClipFiles, Path, Mapping[str, Path]]":
        """The files of CLIP, the prior's weights, and the decoder's files."""
        from lambda_studio.models.clip import find_clip

        decoder = get_family(self.spec.family).find(self._decoder_source(on_download), ("unet", "autoencoder"))
        clip = find_clip(self.spec.clip, self.spec.clip_pretrained, on_download)
        return clip, self._prior_weights(on_download), decoder

    def _decoder_source(self, on_download: OnDownload) -> "DecoderSource":
        from lambda_studio.models.decoders.protocol import DecoderSource

        return DecoderSource(self.spec.decoder, self.spec.revision, self.spec.variant, on_download)

    def _prior_weights(self, on_download: OnDownload) -> Path:
        get_file(self.spec.prior, ["config.json"], on_download=on_download)
        return get_file(self.spec.prior, [PRIOR_WEIGHTS], on_download=on_download)

    def _refuse_mixed(self, prior_dim: int) -> None:
        from lambda_studio.models.clip import find_clip

        spec = self.spec
        clip_dim = find_clip(spec.clip, spec.clip_pretrained, self._announce).model_config["embed_dim"]
        if prior_dim != clip_dim:
            raise ModelFilesInvalid(
                f"The stack {spec.name} has a CLIP of {clip_dim} numbers and a prior for {prior_dim}.",
                "Give a prior that was trained on this CLIP.",
            )

    def _refuse_download(self) -> None:
        cause = f"The stack {self.spec.name} is not on this machine yet, or not all of it: {self.spec.download}."
        remedy = f"The first command that draws, encodes or trains with it fetches what is missing. {OTHER_ROUTES}"
        raise ModelFilesNotFetched(cause, remedy)

    def _announce(self) -> None:
        """Say once what is about to be fetched, how large it is, under which licence, and where it goes."""
        if self._announced:
            return
        from huggingface_hub.constants import HF_HUB_CACHE

        self._announced = True
        self._on_notice(
            f"The stack {self.spec.name} is fetched from the Hugging Face hub, once: {self.spec.download}. "
            f"Licence: {self.spec.licence}. It goes to {HF_HUB_CACHE} (HF_HOME moves it)."
        )


def default_dtype(precision: str, device: "torch.device") -> "torch.dtype":
    """What a stack of this precision computes in: `auto` is half on a GPU (bf16 where it can), float32 elsewhere."""
    import torch

    named = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
    if precision != "auto":
        return named[precision]
    if device.type != "cuda":
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
