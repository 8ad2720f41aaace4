"""Look for pictures that spoil a training set: in stored warnings and cached embeddings. No model is loaded."""

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, combinations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from concepts.errors import ContentDamaged
from concepts.records import ConceptRecord, ImageRecord
from concepts.registry import Registry
from lambda_studio.config import FinetuneConfig
from lambda_studio.pictures.files.screenshots import ABOUT_SCREENSHOTS
from lambda_studio.pictures.masks.subject import ALL_WHITE, TINY_SAID, is_doubtful
from lambda_studio.pictures.near_duplicates import ALMOST
from lambda_studio.pictures.sharpness import BLURRED_SAID
from lambda_studio.workflows.answers.runs import Remark
from lambda_studio.workflows.cache.encoders import Encoder, KnownEncoders
from lambda_studio.workflows.cache.keys import FeatureKey, crop_key, subject_key
from lambda_studio.workflows.cache.store import FeatureStore
from lambda_studio.workflows.cache.training_crops import TrainingCrops
from lambda_studio.workflows.subjects.lookalikes import ALIKE
from lambda_studio.workflows.subjects.photos.shared_pictures import also_in
from lambda_studio.workflows.subjects.photos.told import ranges, told_warnings
from lambda_studio.workflows.subjects.photos.unlike import mean_cosine, unlike_warnings
from lambda_studio.workflows.workplace import Workplace

SAME_VIEW = 0.90
"""From this mean cosine of their whole pictures, a concept's images show one view."""
NO_MASK = ALL_WHITE.partition("{}")[0]
"""How the warning begins of an image whose mask file was no mask."""
ABOUT_TRAINING = (NO_MASK, TINY_SAID, BLURRED_SAID, ALMOST, *ABOUT_SCREENSHOTS)
"""How the stored warnings begin that matter to training."""


class TrainingPictures:
    """The pictures of the concepts that are to be trained."""

    def __init__(self, place: Workplace, concepts: Sequence[ConceptRecord]):
        self.concepts, self.database = concepts, place.database
        self.store, self.crops = FeatureStore(place.database, place.progress), TrainingCrops(place.database)
        self.encoder: Encoder | None = KnownEncoders(place.home).read().get(place.spec.name)

    def require_whole(self) -> None:
        """Raise ContentDamaged, with its concept and its file, for an image or a mask with damaged bytes."""
        with self.database.reading() as registry:
            for concept in self.concepts:
                edit = f"studio concepts edit {shlex.quote(concept.name)}"
                for number, image in enumerate(concept.images, start=1):
                    where = f"{number} of {concept.name} ({image.source_name})"
                    drop, find = f"Drop it: {edit} --drop {number}", f"{edit} --segment {number}=auto"
                    _require_whole(registry, image.sha, f"Image {where}", drop)
                    if image.mask_sha:
                        again = f"Find the subject again: {find}"
                        _require_whole(registry, image.mask_sha, f"The mask of image {where}", again)

    def remarks(self) -> Iterator[Remark]:
        """Iterate over what may spoil the training."""
        for concept in self.concepts:
            for said in (*_few(concept), *_stored(concept)):
                yield Remark(concept.name, said)
        yield from _shared(self.concepts)
        if self.encoder:
            yield from self._compared(self.encoder)

    def _compared(self, encoder: Encoder) -> Iterator[Remark]:
        """Compare embeddings. A concept that has an image without an embedding is left out."""
        subjects = self._embeddings(lambda image: subject_key(image, encoder))
        squares = {row.image: row.crop for row in self.crops.rows(self.concepts, 1, FinetuneConfig(), 1)}
        crops = self._embeddings(lambda image: crop_key(image, encoder, squares[image]))
        for concept in self.concepts:
            if concept.name in subjects:
                yield from (Remark(concept.name, said) for said in unlike_warnings(concept, [*subjects[concept.name]]))
            if concept.name in crops:
                yield from (Remark(concept.name, said) for said in _one_view(crops[concept.name]))
        yield from _alike(subjects)

    def _embeddings(self, key_of: Callable[[ImageRecord], FeatureKey]) -> dict[str, Float[Tensor, "image dim"]]:
        """Return the cached embeddings of each concept that has all of them, each of length 1."""
        keys = {concept.name: [key_of(image) for image in concept.images] for concept in self.concepts}
        found = self.store.find([*chain.from_iterable(keys.values())])
        whole = {name: of_one for name, of_one in keys.items() if all(key in found for key in of_one)}
        return {
            name: F.normalize(torch.stack([found[key] for key in of_one]), dim=-1) for name, of_one in whole.items()
        }


def _require_whole(registry: Registry, sha: str, what: str, remedy: str) -> None:
    try:
        registry.blob(sha)
    except ContentDamaged as error:
        raise ContentDamaged(f"{what} is damaged in the registry.", remedy) from error


def _few(concept: ConceptRecord) -> Iterator[str]:
    if len(concept.images) == 1:
        yield "1 image: its pose and its background are learnt as parts of the subject. Add others."


def _stored(concept: ConceptRecord) -> Iterator[str]:
    """Yield what was found when the images were added."""
    about = [[said for said in image.warnings if not said.startswith(NO_MASK)] for image in concept.images]
    doubtful = [number for number, warnings in enumerate(about, start=1) if is_doubtful(warnings)]
    if doubtful:
        numbers, name = ", ".join(ranges(doubtful)), shlex.quote(concept.name)
        images, them = ("image", "it") if len(doubtful) == 1 else ("images", "them")
        count = f"{len(doubtful)} of {len(concept.images)} masks may be wrong ({images} {numbers})"
        yield f"{count}. Look at {them}: studio concepts show {name} --sheet {name}.png"
    yield from told_warnings(
        concept,
        [
            (number, image.source_name, tuple(said for said in image.warnings if said.startswith(ABOUT_TRAINING)))
            for number, image in enumerate(concept.images, start=1)
        ],
    )


def not_told_apart(concepts: Sequence[ConceptRecord]) -> set[str]:
    """Return the names of concepts that have a picture in common, without masks that tell the subjects apart."""
    return {each.name for pair in combinations(concepts, 2) if _common(*pair) for each in pair}


def _shared(concepts: Sequence[ConceptRecord]) -> Iterator[Remark]:
    """Yield a remark for each two concepts that have the same pictures, without masks that tell them apart."""
    for one, other in combinations(concepts, 2):
        if common := _common(one, other):
            yield Remark(one.name, _told_shared(one, other, common))


def _common(one: ConceptRecord, other: ConceptRecord) -> list[tuple[int, int]]:
    """Return the numbers, in both concepts, of the same pictures without masks that tell the subjects apart."""
    there = {image.sha: (number, image.mask_sha) for number, image in enumerate(other.images, start=1)}
    return [
        (number, there[image.sha][0])
        for number, image in enumerate(one.images, start=1)
        if image.sha in there and not _apart(image.mask_sha, there[image.sha][1])
    ]


def _apart(one: str | None, other: str | None) -> bool:
    """Return whether the masks of two subjects in one picture tell them apart."""
    return one is not None and other is not None and one != other


def _told_shared(one: ConceptRecord, other: ConceptRecord, common: Sequence[tuple[int, int]]) -> str:
    own, others = ([*numbers] for numbers in zip(*common, strict=True))
    edits = [f"studio concepts edit {shlex.quote(each.name)}" for each in (one, other)]
    boxes = "; ".join(
        f"{edit} --box {numbers[0]}=x,y,width,height" for edit, numbers in zip(edits, (own, others), strict=True)
    )
    masked = all(one.images[first - 1].mask_sha and other.images[second - 1].mask_sha for first, second in common)
    why = "both subjects have the same mask" if masked else "no masks tell the two subjects apart"
    drop = " ".join(f"--drop {part}" for part in ranges(sorted(others)))
    also = f"{also_in(one, other.name, own, sorted(others))}, and {why}"
    return f"{also}. Box each: {boxes}. Or give another photograph: {edits[1]} --add PHOTO {drop}"


def _one_view(crops: Float[Tensor, "image dim"]) -> Iterator[str]:
    if len(crops) > 1 and (alike := mean_cosine(crops)) >= SAME_VIEW:
        yield f"its {len(crops)} images show nearly the same view ({alike:.2f}). Add photos of other sides and places."


def _alike(subjects: Mapping[str, Float[Tensor, "image dim"]]) -> Iterator[Remark]:
    means = {name: F.normalize(views.mean(dim=0), dim=-1) for name, views in subjects.items()}
    for one, other in combinations(means, 2):
        if (alike := float(means[one] @ means[other])) >= ALIKE:
            yield Remark(one, f"{alike:.2f} like {other}: pictures of one may show the other.")
