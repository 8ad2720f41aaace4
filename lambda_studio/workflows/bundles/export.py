"""Write concepts into a bundle. The same concepts give the same bytes each time."""

import os
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from concepts.durable import make_folder, require_room, staged_file
from concepts.printable import printable
from concepts.records import ConceptRecord, ImageRecord, NewImage, manifest, sha256
from lambda_studio.bundles.archive import require_bundle_size, write_archive
from lambda_studio.bundles.contents import BundleConcept, BundleImage, Contents
from lambda_studio.bundles.given import GivenView, Note
from lambda_studio.bundles.signing import Signature
from lambda_studio.config import require
from lambda_studio.errors import OutputExists
from lambda_studio.workflows.answers.bundles import Exported
from lambda_studio.workflows.cache.keys import subject_key
from lambda_studio.workflows.cache.left_out import SIDE, is_left_out, notes, require_views
from lambda_studio.workflows.workplace import Workplace

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SUFFIX = ".zip"
"""The file suffix of a bundle."""


def require_free(out: Path) -> None:
    """Raise InvalidSetting if `out` is not a bundle's name, OutputExists if it exists."""
    named = quote(str(out.parent / f"{out.stem or 'concepts'}{SUFFIX}"))
    require(
        out.suffix.lower() == SUFFIX,
        f"{out} is not a name for a bundle.",
        f"The name must end in {SUFFIX}: out={named}",
    )
    if os.path.lexists(out):
        raise OutputExists(f"{out} is already there.", "Give another name: out=FILE.zip")


def write_bundle(
    place: Workplace, concepts: Sequence[ConceptRecord], out: Path, pictures: bool, key: "Ed25519PrivateKey | None"
) -> Exported:
    """Write concepts into a bundle, with or without pictures; sign it if a key is given."""
    packer = _Packer(place)
    contents = packer.pack(concepts, pictures)
    require_room(out.parent, require_bundle_size(contents), f"The bundle {out}")
    size, signature = _publish(out, contents, packer, key)
    return Exported(
        path=out,
        concepts=tuple(concept.name for concept in concepts),
        objects=len(contents.objects),
        size=size,
        pictures=pictures,
        originals_left_out=sum(bool(image.original_sha) for concept in concepts for image in concept.images),
        signed_by=signature.signer if signature else None,
    )


class _Packer:
    """Collects a bundle's objects. `made` holds new bytes that are not in the registry."""

    def __init__(self, place: Workplace):
        self.place = place
        self.made: dict[str, bytes] = {}
        self.sizes: dict[str, int] = {}

    def pack(self, concepts: Sequence[ConceptRecord], pictures: bool) -> Contents:
        with self.place.progress("Packing", total=len(concepts)) as advance:
            packed = []
            for concept in concepts:
                packed.append(self._with_pictures(concept) if pictures else self._without_pictures(concept))
                advance(note=concept.name)
        return Contents(tuple(packed), dict(sorted(self.sizes.items())))

    def read(self, sha: str) -> bytes:
        """Return an object's bytes, checked against their hash."""
        if sha in self.made:
            return self.made[sha]
        with self.place.database.reading() as registry:
            return registry.blob(sha)

    def _with_pictures(self, concept: ConceptRecord) -> BundleConcept:
        images = tuple(self._image(image) for image in concept.images)
        return BundleConcept(name=concept.name, noun=concept.noun, manifest=concept.manifest, images=images)

    def _without_pictures(self, concept: ConceptRecord) -> BundleConcept:
        """Pack one note with one embedding: the mean that prompts use."""
        if len(concept.images) == 1 and is_left_out(concept.images[0]):
            return self._with_pictures(concept)
        note = self._note(concept).encoded()
        new = NewImage(note, None, SIDE, SIDE, f"{len(concept.images)} pictures of {concept.name}, left out")
        self._make(note)
        return BundleConcept(
            name=concept.name, noun=concept.noun, manifest=manifest(concept.noun, [new]), images=(_bundle_image(new),)
        )

    def _note(self, concept: ConceptRecord) -> Note:
        """Return the note for the concept's images: the mean of their embeddings, and its origin."""
        embedder = self.place.embedder
        values = embedder.blended(concept).numpy().astype("<f4")
        preprocessing = subject_key(concept.images[0], embedder.encoder).preprocessing
        view = GivenView(encoder=embedder.encoder.fingerprint, preprocessing=preprocessing, data=values.tobytes())
        with self.place.database.reading() as registry:
            unproven = any(not note.proven for note in notes(registry, concept.images).values())
        pictures = tuple((image.sha, image.mask_sha) for image in concept.images)
        return Note(pictures=pictures, views=(view,), from_cache=unproven)

    def _image(self, image: ImageRecord) -> BundleImage:
        if is_left_out(image):
            with self.place.database.reading() as registry:
                require_views(registry, [image])
        for sha in (image.sha, image.mask_sha):
            if sha and sha not in self.sizes:
                self.sizes[sha] = len(self.read(sha))
        return _bundle_image(image)

    def _make(self, data: bytes) -> str:
        sha = sha256(data)
        self.made[sha], self.sizes[sha] = data, len(data)
        return sha


def _bundle_image(image: ImageRecord | NewImage) -> BundleImage:
    return BundleImage(
        sha256=image.sha,
        mask=image.mask_sha,
        width=image.width,
        height=image.height,
        source_name=printable(image.source_name),  # a row of 0.1 may hold a file's name as it was
        warnings=tuple(map(printable, image.warnings)),
        caption=image.caption,
    )


def _publish(
    out: Path, contents: Contents, packer: _Packer, key: "Ed25519PrivateKey | None"
) -> tuple[int, Signature | None]:
    """Write the bundle atomically and return its size and signature."""
    with packer.place.progress("Writing", total=len(contents.objects)) as advance:

        def read(sha: str) -> bytes:
            advance()
            return packer.read(sha)

        make_folder(out.parent)
        try:
            with staged_file(out) as path, path.open("xb") as file:
                signature = write_archive(file, contents, read, key)
        except FileExistsError as error:
            raise OutputExists(f"{out} was created meanwhile.", "Give another name: out=FILE.zip") from error
    return out.stat().st_size, signature
