"""The prior's predictions of concepts: the embeddings that `generate` will give the decoder."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from concepts.durable import make_folder, staged_file
from concepts.records import ConceptRecord, ImageRecord, sha256
from lambda_studio.bundles.contents import canonical
from lambda_studio.errors import PromptInvalid
from lambda_studio.generation.generator import condition_prompts, predict_image_embeds
from lambda_studio.generation.prompt import BoundPrompt, bind
from lambda_studio.generation.template import escaped, parse
from lambda_studio.models.stacks.stack import Stack
from lambda_studio.progress import unheard
from lambda_studio.training.randomness import seed_for
from lambda_studio.workflows.cache.keys import subject_key
from lambda_studio.workflows.cache.subjects import SubjectEmbedder
from lambda_studio.workflows.tuning.captions import caption_prompts
from lambda_studio.workflows.tuning.other_scenes import dressed, placed

A_PICTURE = 2
"""The number of predictions for each picture of a concept."""

AT_ONCE = 64
"""The prompts that the prior reads at once."""

Predicted = dict[str, Float[Tensor, "prediction dim"]]


class Predictor:
    """Predicts concepts by one stack's prior. `known` caches results by keys that name every dependency."""

    def __init__(self, stack: Stack, embedder: SubjectEmbedder, seed: int, notify: Callable[[str], None] = unheard):
        self.stack, self.embedder, self.seed, self.notify = stack, embedder, seed, notify
        self.known: dict[str, Tensor] = {}

    def predictions(self, concepts: Sequence[ConceptRecord]) -> Predicted:
        """Return the prior's predictions by concept: one of each picture for "a <name>", then another of each.

        The other is for the picture's caption, or without one again for "a <name>".
        Those that are not known are predicted. If there are any, the text tower and the prior are then in memory.
        """
        return self._of(concepts, self._prompts)

    def in_places(self, concepts: Sequence[ConceptRecord]) -> Predicted:
        """Return the prior's predictions by concept: for its name in each of `PLACES`, of each picture with a mask."""
        return self._of([concept for concept in concepts if any(map(_has_mask, concept.images))], self._placed)

    def dressed(self, concepts: Sequence[ConceptRecord], each: int) -> Predicted:
        """Return the prior's predictions by concept: wearing or holding something, `each` for each picture."""
        return self._of(concepts, partial(self._dressed, each=each))

    def _of(self, concepts: Sequence[ConceptRecord], of: Callable[[ConceptRecord], list[BoundPrompt]]) -> Predicted:
        prompts = {concept.name: of(concept) for concept in concepts}
        keys = {concept.name: self._key([concept], prompts[concept.name]) for concept in concepts}
        return {
            concept.name: self.kept(keys[concept.name], partial(self._predict, [concept], prompts[concept.name]))
            for concept in concepts
        }

    def together(
        self, concepts: Sequence[ConceptRecord], prompts: Sequence[BoundPrompt]
    ) -> Float[Tensor, "prediction dim"]:
        """Return the prior's predictions for prompts that name all of these concepts."""
        return self.kept(self._key(concepts, prompts), partial(self._predict, concepts, prompts))

    def kept(self, key: str, make: Callable[[], Tensor]) -> Tensor:
        """Return the tensor that is cached by this key; compute it if it is missing."""
        if key not in self.known:
            self.known[key] = make()
        return self.known[key]

    def _placed(self, concept: ConceptRecord) -> list[BoundPrompt]:
        """Return the prompts of `placed`, for each picture with a mask."""
        return self._bound(concept, placed(_named(concept), sum(map(_has_mask, concept.images))))

    def _dressed(self, concept: ConceptRecord, each: int) -> list[BoundPrompt]:
        """Return the prompts of `dressed`, for each picture."""
        return self._bound(concept, dressed(_named(concept), len(concept.images), each))

    def _bound(self, concept: ConceptRecord, templates: Sequence[str]) -> list[BoundPrompt]:
        """Return the prompts of one concept. Words after CLIP's limit are cut."""
        nouns = {concept.name: concept.noun}
        return [bind(parse(template), nouns, self.stack.tokenizer, unheard) for template in templates]

    def _prompts(self, concept: ConceptRecord) -> list[BoundPrompt]:
        """Return `A_PICTURE` prompts of each picture: first one of each, then another of each."""
        template = parse(f"a {_named(concept)}")
        named = bind(template, {concept.name: concept.noun}, self.stack.tokenizer)
        captioned = [self._captioned(concept, image) or named for image in concept.images]
        return [named] * len(concept.images) + captioned

    def _captioned(self, concept: ConceptRecord, image: ImageRecord) -> BoundPrompt | None:
        """Return an image's caption as a prompt, or None. Words after CLIP's limit are cut, but not the subject."""
        if image.caption is None:
            return None
        for prompt in caption_prompts(image.caption, concept.name, concept.noun):
            try:
                return bind(parse(prompt), {concept.name: concept.noun}, self.stack.tokenizer, unheard)
            except PromptInvalid as error:  # its subject is after CLIP's limit, or CLIP would read its own end
                fault = error.cause
        self.notify(f"{concept.name}: the caption of {image.source_name} is not learnt: {fault}")
        return None

    def _predict(
        self, concepts: Sequence[ConceptRecord], prompts: Sequence[BoundPrompt]
    ) -> Float[Tensor, "prediction dim"]:
        """Predict up to `AT_ONCE` prompts at once: the bits depend on the size of the batch."""
        zero, subject = self.embedder.zero(), {each.name: self.embedder.blended(each) for each in concepts}
        seeds, found = [seed_for(self.seed, "predictions", number) for number in range(len(prompts))], []
        for start in range(0, len(prompts), AT_ONCE):
            some = prompts[start : start + AT_ONCE]
            inputs = condition_prompts(self.stack.clip(("text",)), some, [subject] * len(some), zero)
            found.append(predict_image_embeds(self.stack.prior(), inputs, seeds[start : start + AT_ONCE]).cpu())
        return torch.cat(found)

    def _key(self, concepts: Sequence[ConceptRecord], prompts: Sequence[BoundPrompt]) -> str:
        prints = self.stack.fingerprints()
        said = {
            "prior": prints["prior"],
            "subjects": [subject_key(image, self.embedder.encoder).text for each in concepts for image in each.images],
            "prompts": [[prompt.token_ids, [[span.start, span.end] for span in prompt.spans]] for prompt in prompts],
            "seed": self.seed,
        }
        return sha256(canonical(said))

    def read(self, folder: Path) -> None:
        """Know what `write` has written into a run's folder. A missing or damaged file counts as empty."""
        try:
            self.known |= {key: value for key, value in load_file(_file(folder)).items() if _is_whole(value)}
        except (FileNotFoundError, SafetensorError):
            return

    def write(self, folder: Path) -> None:
        """Write the predictions into a run's folder, for `read`. They are deleted with the run's checkpoints."""
        if self.known:
            make_folder(_file(folder).parent)
            with staged_file(_file(folder), replace=True) as staged:
                save_file({key: value.contiguous() for key, value in self.known.items()}, staged)


def _named(concept: ConceptRecord) -> str:
    return f"<{escaped(concept.name)}>"


def _has_mask(image: ImageRecord) -> bool:
    return image.mask_sha is not None


def _file(folder: Path) -> Path:
    return folder / "checkpoints" / "predictions.safetensors"


def _is_whole(values: Tensor) -> bool:
    return values.dtype == torch.float32 and bool(values.isfinite().all())
