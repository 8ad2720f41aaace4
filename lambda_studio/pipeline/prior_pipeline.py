"""The λ prior as a pipeline of diffusers, in the place of KandinskyV22PriorPipeline."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from diffusers.pipelines.kandinsky import KandinskyPriorPipelineOutput
from diffusers.pipelines.pipeline_utils import DiffusionPipeline
from diffusers.utils import logging
from diffusers.utils.torch_utils import randn_tensor
from jaxtyping import Float
from PIL import Image
from torch import Tensor
from transformers import CLIPImageProcessor, CLIPTextModelWithProjection, CLIPTokenizer, CLIPVisionModelWithProjection

from lambda_studio.config import require
from lambda_studio.generation.conditioning import Conditioning
from lambda_studio.generation.generator import condition_prompts, embeds_from_noise
from lambda_studio.generation.prompt import BoundPrompt
from lambda_studio.generation.references import subject_embeds
from lambda_studio.models.clip.encoders import OpenClipImageEncoder, OpenClipTextEncoder
from lambda_studio.models.prior import PriorTransformer
from lambda_studio.pictures.crops import square_crop
from lambda_studio.pipeline.encoding import PipelineEncoders
from lambda_studio.pipeline.from_stack import stack_components
from lambda_studio.pipeline.subjects import Subject, bind_negative, bind_prompt, embed_subjects, nouns_of

Control = Image.Image | Sequence[Image.Image] | Tensor
"""An edge map or its embedding, for all prompts, or one for each."""
logger = logging.get_logger(__name__)


class LambdaEclipsePriorPipeline(DiffusionPipeline):
    """Predict the image embeddings of prompts with named subjects, in one forward pass of the λ prior.

    The output is that of diffusers' KandinskyV22PriorPipeline, so the pipelines of Kandinsky 2.2 draw from it:
    `KandinskyV22Pipeline(**prior("a <rex> in the snow", subjects={"rex": images}))`. `from_pretrained` and
    `save_pretrained` work as in every pipeline; `from_stack` loads the models of one of λ-Studio's stacks.

    Args:
        prior: The λ prior.
        text_encoder: CLIP's text tower, transformers' or open_clip's.
        tokenizer: CLIP's tokenizer.
        image_encoder: CLIP's vision tower. It embeds images of subjects, edge maps and the empty picture.
        image_processor: Its mean and standard deviation normalise pictures.
    """

    model_cpu_offload_seq = "text_encoder->image_encoder->prior"
    _callback_tensor_inputs: Sequence[str] = (
        "latents",
        "prompt_embeds",
        "text_encoder_hidden_states",
        "text_mask",
        "control_embeds",
    )

    def __init__(
        self,
        prior: PriorTransformer,
        text_encoder: CLIPTextModelWithProjection | OpenClipTextEncoder,
        tokenizer: CLIPTokenizer,
        image_encoder: CLIPVisionModelWithProjection | OpenClipImageEncoder,
        image_processor: CLIPImageProcessor,
    ):
        super().__init__()
        self.register_modules(
            prior=prior,
            text_encoder=text_encoder,
            tokenizer=tokenizer,
            image_encoder=image_encoder,
            image_processor=image_processor,
        )
        parts = {"text_encoder": text_encoder, "image_encoder": image_encoder}
        ours = (OpenClipTextEncoder, OpenClipImageEncoder)
        # PyTorch's attention reads weights of its parts, which sequential offloading would not have brought.
        self._exclude_from_cpu_offload = [name for name, part in parts.items() if isinstance(part, ours)]

    @classmethod
    def from_stack(cls, stack: str, dtype: torch.dtype = torch.float32) -> "LambdaEclipsePriorPipeline":
        """Load the CLIP and the prior of a stack: `miniature`, `kandinsky-2.2` or a FILE.toml.

        The networks are those with which a Studio draws, so the embeddings are the same. Files on the hub are
        downloaded.

        Raises:
            InvalidSetting: There is no such stack.
            ModelFilesMissing: The files are not on this machine and cannot be downloaded.
            ModelFilesInvalid: The files are damaged, or the stack's CLIP has no tokenizer of CLIP's kind.
        """
        return cls(**stack_components(stack, dtype))

    @property
    def num_timesteps(self) -> int:
        """The number of steps of a call: the λ prior predicts in one."""
        return 1

    @torch.no_grad()
    def __call__(
        self,
        prompt: str | list[str],
        negative_prompt: str | list[str] | None = None,
        num_images_per_prompt: int = 1,
        generator: torch.Generator | list[torch.Generator] | None = None,
        latents: Tensor | None = None,
        output_type: str = "pt",
        return_dict: bool = True,
        callback_on_step_end: Callable[[Any, int, int, dict[str, Any]], dict[str, Any] | None] | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
        *,
        subjects: Mapping[str, Subject] | None = None,
        nouns: Mapping[str, str] | None = None,
        references: str = "mean",
        control_image: Control | None = None,
    ) -> KandinskyPriorPipelineOutput | tuple[Any, Any]:
        """Return image embeddings, and what guidance leads away from, for each prompt and each of its images.

        Args:
            prompt: One or more prompts. `<rex>` is a subject, `<rex:0.5>` weighs it, `<rex#2>` is one of its images.
            negative_prompt: Guidance leads away from what the prior predicts for it. It is one for all prompts, or
                one for each. Without it, guidance leads away from the embedding of the empty picture.
            num_images_per_prompt: How many embeddings to predict for each prompt, from different noise.
            generator: One for all embeddings, or one for each.
            latents: The noise, one row for each embedding, in place of a generator's.
            output_type: `pt` for tensors, `np` for arrays.
            return_dict: Whether to return a KandinskyPriorPipelineOutput, or else a tuple.
            callback_on_step_end: Called after the one step with the pipeline, 0, 0 and a dictionary of tensors. The
                `latents` of the dictionary that it returns replace the prediction.
            callback_on_step_end_tensor_inputs: Which tensors the dictionary has.
            subjects: The images of each subject by its name, or their embeddings. An image's transparency is its
                mask. Without transparency, the whole image is the subject.
            nouns: The noun of each subject, such as dog. The default is the subject's name.
            references: `mean` of a subject's images, or the one `nearest` to their mean.
            control_image: An edge map, white on black, or its embedding: one for all prompts, or one for each.

        Raises:
            PromptInvalid: A prompt is malformed, names an unknown subject, or its subjects are beyond CLIP's limit.
            InvalidSetting: Another argument has an invalid value.
            ImageRefused: An image is transparent everywhere.
        """
        prompts = [prompt] if isinstance(prompt, str) else list(prompt)
        self._check(prompts, num_images_per_prompt, output_type, references, callback_on_step_end_tensor_inputs)
        encoders = PipelineEncoders(self, self._execution_device)
        bound, embeds = self._bind(prompts, subjects or {}, nouns or {}, references, encoders)
        negatives = self._bind_negatives(negative_prompt, len(prompts), encoders)
        zero = encoders.zero_image_embeds()
        controls = zero[None] if control_image is None else _control_embeds(control_image, len(prompts), encoders)
        conditioning = condition_prompts(encoders, bound, embeds, controls)
        many = num_images_per_prompt
        noise = self._noise((many * len(prompts), len(zero)), generator, latents)
        with self.progress_bar(total=1) as bar:
            repeated = _repeated(conditioning, many)
            image_embeds = embeds_from_noise(self.prior, repeated, noise, self._execution_device)
            if callback_on_step_end is not None:
                tensors = {"latents": image_embeds, **vars(repeated)}
                shown = {name: tensors[name] for name in callback_on_step_end_tensor_inputs}
                image_embeds = (callback_on_step_end(self, 0, 0, shown) or {}).get("latents", image_embeds)
            bar.update()
        negative_embeds = self._negative_embeds(negatives, zero, noise, encoders)
        self.maybe_free_model_hooks()
        found: list[Any] = [each.to(self.prior.dtype) for each in (image_embeds, negative_embeds)]
        if output_type == "np":
            found = [each.cpu().float().numpy() for each in found]
        if not return_dict:
            return tuple(found)
        return KandinskyPriorPipelineOutput(image_embeds=found[0], negative_image_embeds=found[1])

    def _check(
        self, prompts: list[str], many: int, output_type: str, references: str, tensor_inputs: Sequence[str]
    ) -> None:
        require(bool(prompts), "prompt is an empty list.", "Give at least one prompt.", "prompt")
        require(many >= 1, f"num_images_per_prompt is {many}.", "Give 1 or more.", "num_images_per_prompt")
        require(output_type in ("pt", "np"), f"output_type is {output_type!r}.", "Give pt or np.", "output_type")
        known = references in ("mean", "nearest")
        require(known, f"references is {references!r}.", "Give mean or nearest.", "references")
        unknown = [name for name in tensor_inputs if name not in self._callback_tensor_inputs]
        remedy = f"Give some of: {', '.join(self._callback_tensor_inputs)}."
        name = "callback_on_step_end_tensor_inputs"
        require(not unknown, f"{name} has {', '.join(unknown)}.", remedy, name)

    def _bind(
        self,
        prompts: list[str],
        subjects: Mapping[str, Subject],
        nouns: Mapping[str, str],
        references: str,
        encoders: PipelineEncoders,
    ) -> tuple[list[BoundPrompt], list[dict[str, Tensor]]]:
        """Return the prompts, bound to tokens, and the embeddings of each one's subjects."""
        named = nouns_of(subjects, nouns)
        embeds = embed_subjects(subjects, encoders)
        bound = [bind_prompt(each, named, embeds, encoders.tokenizer, logger.warning) for each in prompts]
        return bound, [subject_embeds(each, embeds, references, seed=0) for each in bound]

    def _bind_negatives(
        self, negative_prompt: str | list[str] | None, count: int, encoders: PipelineEncoders
    ) -> list[BoundPrompt | None]:
        """Return the negative prompt of each prompt."""
        given = [negative_prompt or ""] * count if not isinstance(negative_prompt, list) else negative_prompt
        cause = f"There are {count} prompts and {len(given)} negative prompts."
        require(len(given) == count, cause, "Give one for all, or one for each.", "negative_prompt")
        return [bind_negative(each, encoders.tokenizer, logger.warning) for each in given]

    def _noise(
        self,
        shape: tuple[int, int],
        generator: torch.Generator | list[torch.Generator] | None,
        latents: Tensor | None,
    ) -> Float[Tensor, "batch dim"]:
        if latents is None:
            return randn_tensor(shape, generator=generator, device=self._execution_device, dtype=torch.float32)
        cause = f"latents has the shape {tuple(latents.shape)}."
        require(latents.shape == shape, cause, f"Give {shape}: a row for each embedding.", "latents")
        return latents

    def _negative_embeds(
        self,
        negatives: list[BoundPrompt | None],
        zero: Float[Tensor, " dim"],
        noise: Float[Tensor, "batch dim"],
        encoders: PipelineEncoders,
    ) -> Float[Tensor, "batch dim"]:
        """Return what guidance leads away from: what the prior predicts from the same noise, or the empty picture."""
        found = zero.repeat(len(noise), 1)
        given = [each for each in negatives if each is not None]
        if given:
            many = len(noise) // len(negatives)
            rows = torch.tensor([each is not None for each in negatives]).repeat_interleave(many).to(zero.device)
            conditioning = _repeated(condition_prompts(encoders, given, [{}] * len(given), zero), many)
            found[rows] = embeds_from_noise(self.prior, conditioning, noise.to(rows.device)[rows], rows.device)
        return found


def _repeated(conditioning: Conditioning, many: int) -> Conditioning:
    """Return the inputs of each prompt `many` times in a row."""
    fields = {name: value.repeat_interleave(many, dim=0) for name, value in vars(conditioning).items()}
    return replace(conditioning, **fields)


def _control_embeds(control: Control, count: int, encoders: PipelineEncoders) -> Float[Tensor, "batch dim"]:
    """Return the embeddings of edge maps: one for all prompts, or one for each."""
    if isinstance(control, Tensor):
        found = control.reshape(-1, control.shape[-1])
    else:
        images = [control] if isinstance(control, Image.Image) else list(control)
        found = encoders.encode_images([square_crop(each.convert("RGB"), encoders.image_size) for each in images])
    cause = f"There are {count} prompts and {len(found)} control images."
    require(len(found) in (1, count), cause, "Give one for all, or one for each.", "control_image")
    return found
