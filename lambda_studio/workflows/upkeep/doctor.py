"""Is everything here whole, and what to do where it is not."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from concepts.durable import file_sha256, find_unfinished, remove
from concepts.errors import ConceptError
from concepts.stores.store import Store
from lambda_studio.bundles.given import Note
from lambda_studio.errors import ModelFilesNotFetched, StudioError
from lambda_studio.models.stack import Stack
from lambda_studio.workflows.cache.left_out import IMPORT_AGAIN, notes
from lambda_studio.workflows.home import adapter_file, adapters_folder, why_missing
from lambda_studio.workflows.workplace import Workplace

DEPTHS = ("quick", "usual", "thorough")
STALE_SECONDS = 3600
"""An unfinished file that nobody has written to for so long was left by a process that died."""
UNFINISHED = (".unnamed-*.safetensors", ".adapter-*.tmp", ".tmp??????")
"""Adapters of older versions that have no name yet; the last is what safetensors calls a file that it is writing."""
FOLDERS = ("", "*/", "runs/*/", "runs/*/checkpoints/")
"""Where in a home files are written, as patterns."""


CACHED = "cached values"
"""What `Finding.what` says of features."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `remedy` is empty where it is whole."""

    what: str
    said: str
    remedy: str = ""
    mendable: bool = False
    """`studio doctor --repair` mends it, or it mends itself: nothing that a person made is concerned."""

    @property
    def whole(self) -> bool:
        """Whether nothing has to be done."""
        return not self.remedy


def findings(place: Workplace, depth: str, repair: bool) -> Iterator[Finding]:
    """The database, the library's images, adapter files, the stack's files and values, and what was left unfinished."""
    yield from database_findings(place.database.store, depth)
    if depth != "quick":
        yield _stored_images(place)
        yield from _given_embeddings(place)
    yield from _adapter_files(place, hashed=depth != "quick")
    yield (stack := _stack_files(place.stack, hashed=depth != "quick"))
    if depth == "thorough":
        yield _cached_features(place, repair) if stack.whole else Finding(CACHED, "not checked: see the stack's files")
    yield from _unfinished_files(place, repair)


def database_findings(store: Store, depth: str) -> Iterator[Finding]:
    """The database itself: its schema, and what a check of this depth finds."""
    what, remedy = "database", "Put a backup in its place: studio db restore FILE"
    try:
        present = store.state()
        found = [] if depth == "quick" else list(store.faults(contents=depth == "thorough"))
    except ConceptError as error:
        yield Finding(what, error.cause, error.remedy)
        return
    for fault in found:
        yield Finding(
            what, fault.said, "It is computed again when it is needed." if fault.derived else remedy, fault.derived
        )
    if not found:
        checked = {"quick": "its bytes were not read", "usual": "sound", "thorough": "sound, and every hash is right"}
        yield Finding(what, f"schema {present.revision}, {present.size / 2**20:,.1f} MiB: {checked[depth]}")


def _stored_images(place: Workplace) -> Finding:
    library = place.library
    with place.database.reading() as registry:
        concepts = [registry.get_concept(library, name) for name in registry.concept_names(library)]
        images = [image for concept in concepts for image in concept.images]
        try:
            for sha in (sha for image in images for sha in (image.sha, image.mask_sha, image.original_sha) if sha):
                registry.blob(sha)
        except ConceptError as error:
            return Finding(f"library {library}", error.cause, error.remedy)
    return Finding(f"library {library}", f"{len(concepts)} concepts, {len(images)} images: every hash is right")


def _given_embeddings(place: Workplace) -> Iterator[Finding]:
    """Concepts without pictures whose embedding nothing binds to them; no manifest covered it before schema 0004."""
    library = place.library
    with place.database.reading() as registry:
        for concept in (registry.get_concept(library, name) for name in registry.concept_names(library)):
            try:
                held = notes(registry, concept.images).values()
            except ConceptError:  # damaged bytes, which were told of with all others
                continue
            if said := next((_unproven(note) for note in held if not note.proven), None):
                yield Finding(f"concept {concept.name}", said, IMPORT_AGAIN)


def _unproven(note: Note) -> str:
    if not note.views:
        return "it came without pictures, and its embedding is lost"
    return (
        "it came without pictures, and its embedding was in a cache that all users shared: "
        "nothing shows that it is the one in its bundle"
    )


def _adapter_files(place: Workplace, hashed: bool) -> Iterator[Finding]:
    with place.database.reading() as registry:
        adapters = registry.adapters(place.library)
    for adapter in adapters:
        path, what = adapter_file(place.home, adapter), f"adapter {adapter.id}"
        if not path.is_file():
            yield Finding(what, *why_missing(place.home, adapter, place.database.path is None))
        elif hashed and file_sha256(path) != adapter.sha256:
            remedy = f"Forget it: studio adapters remove {adapter.id}. Then fine-tune again."
            yield Finding(what, f"its file is damaged: {path}", remedy)
        else:
            yield Finding(what, "whole" if hashed else "its file is there")


def _stack_files(stack: Stack, hashed: bool) -> Finding:
    """Whether the stack's files are here; whoever only looks fetches none."""
    what = f"stack {stack.spec.name}"
    try:
        stack.require_fetched()
        if hashed and (damaged := stack.damaged_files()):
            return Finding(
                what, f"a file is damaged: {damaged[0]}", "Fetch it again, or copy it from where it is whole."
            )
        if hashed:
            stack.fingerprints()  # their configurations are read too
    except ModelFilesNotFetched as error:
        return Finding(what, error.cause, error.remedy, mendable=True)
    except StudioError as error:
        return Finding(what, error.cause, error.remedy)
    return Finding(what, f"its files are there; it runs on {stack.device} in {stack.dtype}".replace("torch.", ""))


def _cached_features(place: Workplace, repair: bool) -> Finding:
    """Whether the stack's encoders still give what is kept of them: of a sample, and of all where that is to mend."""
    from lambda_studio.workflows.cache.recomputing import Recomputing, sample

    work = Recomputing(place.embedder, place.progress)
    try:
        keys = work.cached()
        chosen = sample(keys, date.today())
        wrong = work.wrong(chosen)
        if wrong and repair:
            wrong += work.wrong([key for key in keys if key not in set(chosen)])
    except (StudioError, ConceptError) as error:
        return Finding(CACHED, f"not checked: {error.cause}")
    if not wrong:
        return Finding(CACHED, f"{len(chosen)} of {len(keys)} were computed again, and came out the same")
    if repair:
        work.drop(wrong)
        place.directions = None
        return Finding(CACHED, f"{len(wrong)} of {len(keys)} were wrong and are dropped; they are computed when needed")
    remedy = "Drop what is wrong, to be computed anew when it is needed: studio doctor --depth thorough --repair"
    return Finding(CACHED, f"{len(wrong)} of {len(chosen)} that were computed again came out otherwise", remedy, True)


def _unfinished_files(place: Workplace, repair: bool) -> Iterator[Finding]:
    """What a process that was killed left under a name of its own; it never counted as anything."""
    found = unfinished(place.database.store, place.home)
    for path in (each for each in found if each.stat().st_mtime < time.time() - STALE_SECONDS):
        if repair:
            remove(path)
            yield Finding("unfinished file", f"removed: {path}")
        else:
            yield Finding(
                "unfinished file", f"left by a process that died: {path}", "Say: studio doctor --repair", True
            )


def unfinished(store: Store, home: Path) -> list[Path]:
    """Return the files and folders that have no name of their own yet: of the database, and in the home."""
    adapters = [path for pattern in UNFINISHED for path in adapters_folder(home).glob(pattern)]
    staged = [path for folder in FOLDERS for path in find_unfinished(home, folder)]
    return sorted({*store.unfinished(), *adapters, *staged})
