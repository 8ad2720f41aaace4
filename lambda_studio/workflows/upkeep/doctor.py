"""Check everything in a home, and name a remedy for each problem."""

import time
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

from concepts.durable import file_sha256, find_unfinished, in_use, remove
from concepts.errors import ConceptError
from concepts.stores.store import Store
from lambda_studio.bundles.given import Note, Part, view_fault
from lambda_studio.errors import ModelFilesNotFetched, StudioError
from lambda_studio.models.stacks.stack import Stack
from lambda_studio.workflows.cache.encoders import KnownEncoders
from lambda_studio.workflows.cache.left_out import IMPORT_AGAIN, notes
from lambda_studio.workflows.home import adapter_file, adapters_folder, why_missing
from lambda_studio.workflows.upkeep.finding import Finding
from lambda_studio.workflows.upkeep.training_files import files_without_row
from lambda_studio.workflows.workplace import Workplace

DEPTHS = ("quick", "usual", "thorough")
STALE_SECONDS = 3600
"""An unfinished file without a write for this long was left by a dead process."""
UNFINISHED = (".unnamed-*.safetensors", ".adapter-*.tmp", ".tmp??????")
"""Name patterns of unfinished adapters. The last one is for files that safetensors is writing."""
FOLDERS = ("", "*/", "runs/*/", "runs/*/checkpoints/")
"""Patterns of the folders of a home in which files are written."""


ANOTHER_BUNDLE = "Remove the concept, and ask for another bundle of it."
LOST = "{} is not in the library, so that only stacks with the same CLIP can draw the blend"
CACHED = "cached values"
"""`Finding.what` for features."""


def findings(place: Workplace, depth: str, repair: bool) -> Iterator[Finding]:
    """Check the database, images, adapters, the stack's files and cached values, and find unfinished files."""
    yield from database_findings(place.database.store, depth)
    if depth != "quick":
        yield _stored_images(place)
        yield from _given_embeddings(place)
    yield from _adapter_files(place, hashed=depth != "quick")
    yield from files_without_row(place, repair)
    yield (stack := _stack_files(place.stack, hashed=depth != "quick"))
    if depth == "thorough":
        yield _cached_features(place, repair) if stack.whole else Finding(CACHED, "not checked: see the stack's files")
    yield from _unfinished_files(place, repair)


def database_findings(store: Store, depth: str) -> Iterator[Finding]:
    """Check the database at this depth: its schema and its faults."""
    what, remedy = "database", "Restore a backup: studio db restore FILE"
    try:
        present = store.state()
        found = [] if depth == "quick" else list(store.faults(contents=depth == "thorough"))
    except ConceptError as error:
        yield Finding(what, error.cause, error.remedy)
        return
    for fault in found:
        yield Finding(what, fault.said, "It is computed again on next use." if fault.derived else remedy, fault.derived)
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
    """Find concepts without pictures whose embedding is unproven or unusable.

    Unproven: before schema 0004 no manifest covered it. Unusable: it is not an embedding of the CLIP that it names.
    """
    library, widths = place.library, KnownEncoders(place.home).widths()
    with place.database.reading() as registry:
        for concept in (registry.get_concept(library, name) for name in registry.concept_names(library)):
            try:
                held = notes(registry, concept.images).values()
            except ConceptError as error:
                yield Finding(f"concept {concept.name}", error.cause, error.remedy)
                continue
            views = [view for note in held for view in note.views]
            if wrong := next(filter(None, (view_fault(view.data, widths.get(view.encoder)) for view in views)), None):
                yield Finding(f"concept {concept.name}", f"its embedding {wrong}", ANOTHER_BUNDLE)
            missing = [
                part.name for part in _parts(held) if not registry.find_version(library, part.manifest, part.name)
            ]
            if missing:
                yield Finding(f"concept {concept.name}", f"a blend. {LOST.format(', '.join(missing))}")
            if said := next((_unproven(note) for note in held if not note.proven), None):
                yield Finding(f"concept {concept.name}", said, IMPORT_AGAIN)


def _parts(held: Iterable[Note]) -> Iterator[Part]:
    return (part for note in held for part in note.blend)


def _unproven(note: Note) -> str:
    if not note.views:
        return "it was imported without pictures, and its embedding is lost"
    return (
        "it was imported without pictures, and its embedding was in a cache shared by all users: "
        "there is no proof that it came from its bundle"
    )


def _adapter_files(place: Workplace, hashed: bool) -> Iterator[Finding]:
    with place.database.reading() as registry:
        adapters = registry.adapters(place.library)
    for adapter in adapters:
        path, what = adapter_file(place.home, adapter), f"adapter {adapter.id}"
        if not path.is_file():
            yield Finding(what, *why_missing(place.home, adapter, place.database.path is None))
        elif hashed and file_sha256(path) != adapter.sha256:
            remedy = f"Remove it: studio adapters remove {adapter.id}. Then fine-tune again."
            yield Finding(what, f"its file is damaged: {path}", remedy)
        else:
            yield Finding(what, "whole" if hashed else "its file is there")


def _stack_files(stack: Stack, hashed: bool) -> Finding:
    """Check the stack's files without a download."""
    what = f"stack {stack.spec.name}"
    try:
        stack.require_fetched()
        if hashed and (damaged := stack.damaged_files()):
            return Finding(
                what, f"a file is damaged: {damaged[0]}", "Download it again, or copy it from an intact source."
            )
        if hashed:
            stack.fingerprints()  # also reads their configurations
    except ModelFilesNotFetched as error:
        return Finding(what, error.cause, error.remedy, mendable=True)
    except StudioError as error:
        return Finding(what, error.cause, error.remedy)
    return Finding(what, f"its files are there; it runs on {stack.device} in {stack.dtype}".replace("torch.", ""))


def _cached_features(place: Workplace, repair: bool) -> Finding:
    """Recompute a sample of the cached features; with `repair` and a wrong one, check all and drop the wrong ones."""
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
        return Finding(CACHED, f"{len(chosen)} of {len(keys)} were recomputed, and are the same")
    if repair:
        work.drop(wrong)
        place.directions = None
        return Finding(
            CACHED, f"{len(wrong)} of {len(keys)} were wrong and are dropped; they are computed again on next use"
        )
    remedy = "Drop the wrong values; they are computed again on next use: studio doctor --depth thorough --repair"
    return Finding(CACHED, f"{len(wrong)} of {len(chosen)} that were recomputed are different", remedy, True)


def _unfinished_files(place: Workplace, repair: bool) -> Iterator[Finding]:
    """Find, and with `repair` remove, the temporary files of killed processes. No row refers to them."""
    for path in unfinished(place.database.store, place.home):
        if not _is_stale(path):
            continue
        if repair:
            remove(path)
            yield Finding("unfinished file", f"removed: {path}")
        else:
            yield Finding(
                "unfinished file", f"left by a dead process: {path}", "Remove it: studio doctor --repair", True
            )


def _is_stale(path: Path) -> bool:
    """Return whether no live process writes this file. One that writes may have finished it in the meantime."""
    try:
        return path.lstat().st_mtime < time.time() - STALE_SECONDS and not in_use(path)
    except FileNotFoundError:
        return False


def unfinished(store: Store, home: Path) -> list[Path]:
    """Return the temporary files and folders of the database and the home."""
    adapters = [path for pattern in UNFINISHED for path in adapters_folder(home).glob(pattern)]
    staged = [path for folder in FOLDERS for path in find_unfinished(home, folder)]
    return sorted({*store.unfinished(), *adapters, *staged})
