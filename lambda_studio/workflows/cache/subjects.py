"""CLIP's embeddings of a library's subjects: computed once and cached in the registry."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import torch
from torch import Tensor

from concepts.database import Database
from concepts.records import ConceptRecord, ImageRecord
from lambda_studio.generation.conditioning import blend
from lambda_studio.models.stacks.stack import Stack
from lambda_studio.pictures.crops import cut_out
from lambda_studio.pictures.files.png import decode_png
from lambda_studio.progress import Progress
from lambda_studio.workflows.cache.encoders import Encoder
from lambda_studio.workflows.cache.keys import encoder_of, subject_key, zero_key
from lambda_studio.workflows.cache.left_out import given_embeddings, is_left_out, parts_of
from lambda_studio.workflows.cache.store import FeatureStore


class SubjectEmbedder:
    """Embeds cut-out subjects with one stack's CLIP, and caches the embeddings."""

    def __init__(self, database: Database, stack: Stack, progress: Progress):
        self.database, self.stack = database, stack
        self.store = FeatureStore(database, progress)

    @cached_property
    def encoder(self) -> Encoder:
        """The stack's CLIP, identified without loading it."""
        found = encoder_of(self.stack.clip_fingerprint, self.stack.dtype)
        return replace(found, width=self.stack.embedding_dim)

    def subjects(self, concepts: Sequence[ConceptRecord]) -> tuple[dict[str, list[Tensor]], int]:
        """Return the embeddings of each concept's reference images by its name, and how many were computed.

        Embeddings of pictures are cached or computed. A note in place of pictures contains its embedding; that of a
        blend for another CLIP is computed from what was blended.
        Raises PicturesLeftOut if a note has no embedding for this CLIP.
        """
        every = [image for concept in concepts for image in concept.images]
        with self.database.reading() as registry:
            held = given_embeddings(registry, every, self.encoder)
            mixed = {
                image.sha: parts_of(registry, concept, image)
                for concept in concepts
                for image in concept.images
                if is_left_out(image) and image.sha not in held
            }
        given = {sha: torch.from_numpy(numbers.copy()) for sha, numbers in held.items()}
        given |= {sha: self.mixed(parts) for sha, parts in mixed.items()}
        images = [image for image in every if image.sha not in given]
        label = f"Encoding {', '.join(concept.name for concept in concepts)}"
        keys = [subject_key(image, self.encoder) for image in images]
        kept = self.store.get_or_compute(keys, lambda at: self.embed([images[i] for i in at]), label)
        values = iter(kept.values)
        found = [given[image.sha] if image.sha in given else next(values) for image in every]
        ordered = iter(found)
        return {concept.name: [next(ordered) for _ in concept.images] for concept in concepts}, kept.computed

    def blended(self, concept: ConceptRecord) -> Tensor:
        """Return the embedding that prompts use: the mean over the concept's images."""
        return blend(torch.stack(self.subjects([concept])[0][concept.name]))

    def mixed(self, parts: Sequence[tuple[ConceptRecord, float]]) -> Tensor:
        """Return the weighted sum of concepts' embeddings. Raises as `subjects`."""
        found = torch.stack([self.blended(concept) for concept, _ in parts])
        return blend(found, torch.tensor([weight for _, weight in parts]))

    def zero(self) -> Tensor:
        """Return the embedding for "no picture". It is cached, so that drawing needs no vision tower."""
        kept = self.store.get_or_compute(
            [zero_key(self.encoder)],
            lambda _: [self.stack.clip(("vision",)).zero_image_embeds()],
            "Encoding the empty picture",
        )
        return kept.values[0]

    def embed(self, images: Sequence[ImageRecord]) -> list[Tensor]:
        """Compute the embeddings of these pictures' subjects, without the cache."""
        clip = self.stack.clip(("vision",))
        with self.database.reading() as registry:
            stored = [(registry.blob(image.sha), image.mask_sha and registry.blob(image.mask_sha)) for image in images]
        pictures = [
            cut_out(decode_png(data), decode_png(mask).convert("L") if mask else None, clip.image_size)
            for data, mask in stored
        ]
        return list(clip.encode_images(pictures))
