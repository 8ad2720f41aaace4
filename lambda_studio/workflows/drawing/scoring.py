"""How much pictures are like the references of their concepts, and which of them are the best."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import torch
import torch.nn.functional as F
from torch import Tensor

from lambda_studio.evaluation.by_clip import ClipLikeness
from lambda_studio.evaluation.by_dino import NAME, DinoLikeness, find_dino
from lambda_studio.evaluation.measures import Likeness, View
from lambda_studio.evaluation.similarity import likeness
from lambda_studio.models.stacks.files import StackFiles
from lambda_studio.pictures.outputs import rewrite_picture
from lambda_studio.workflows.answers.pictures import DrawnPicture
from lambda_studio.workflows.cache.left_out import is_left_out
from lambda_studio.workflows.drawing.asking.preparing import Prepared
from lambda_studio.workflows.drawing.pictures import Made, chunks_for, write_drawing
from lambda_studio.workflows.evaluating.views import views_of
from lambda_studio.workflows.workplace import Workplace

Score = dict[str, dict[str, float]]
"""By concept and metric."""
AT_ONCE = 32
"""How many pictures are measured at once."""


def is_scored(prepared: Prepared) -> bool:
    """Return whether the pictures of a prompt are measured."""
    return bool(prepared.concepts) and (prepared.config.score or prepared.config.best is not None)


def scores_of(place: Workplace, group: Sequence[Prepared], made: Sequence[Made]) -> list[Score]:
    """Return the likeness of each picture to each of its concepts: the mean cosine similarity to its references.

    CLIP-I compares a whole picture with the references' cut-outs, whose embeddings are cached. DINO compares whole
    pictures, if its weights are on this machine and the concept has pictures. Afterwards a large CLIP is not in memory.
    """
    asked = [each for each in group for _ in each.seeds]
    concepts = {concept.name: concept for each in group if is_scored(each) for concept in each.concepts}
    found: list[Score] = [{} for _ in asked]
    rows = [row for row, each in enumerate(asked) if is_scored(each)]
    gone = [row for row in rows if not made[row].is_there()]
    for row in gone:
        place.notify(f"{made[row].path} is not the picture that was written there, so its likeness is not measured.")
    rows = [row for row in rows if row not in gone]
    if not rows:
        return found
    cached, _ = place.embedder.subjects(list(concepts.values()))
    references = {name: F.normalize(torch.stack(list(each)), dim=-1) for name, each in cached.items()}
    clip = ClipLikeness(place.stack)
    metrics: list[tuple[Likeness, dict[str, Tensor]]] = [(clip, references)]
    if folder := find_dino(StackFiles(place.spec).source("dino")):
        dino = DinoLikeness(folder, place.stack.device)
        seen = {name: each for name, each in concepts.items() if not any(map(is_left_out, each.images))}
        views = {name: views_of(place, concept, concept.images) for name, concept in seen.items()}
        metrics.append((dino, {name: dino.embed(each) for name, each in views.items()}))
    for start in range(0, len(rows), AT_ONCE):
        part = rows[start : start + AT_ONCE]
        for metric, known in metrics:
            embeds = metric.embed([View(made[row].image, "") for row in part])
            for row, embedding in zip(part, embeds, strict=True):
                for concept in (each for each in asked[row].concepts if each.name in known):
                    value = likeness(embedding[None], known[concept.name])
                    found[row].setdefault(concept.name, {})[metric.name] = round(value, 4)
    place.stack.spare("clip")
    return found


def keep(prepared: Prepared, pairs: Sequence[tuple[Made, Score]]) -> list[DrawnPicture]:
    """Write the likeness into the files of one prompt's pictures; of the best ones, write them, the best first."""
    if prepared.config.best is not None:
        pairs = sorted(pairs, key=lambda pair: -_rank(pair[1]))[: prepared.config.best]
    return [DrawnPicture(_written(each, score), each.seed, score) for each, score in pairs]


def _written(made: Made, score: Score) -> Path:
    to = replace(made.to, texts=made.to.texts and replace(made.to.texts, likeness=score))
    if made.path is None:
        return write_drawing(made.image, to)
    if to.texts and score and made.is_there():
        rewrite_picture(made.path, made.image, chunks_for(made.image, to))
    return made.path


def _rank(score: Score) -> float:
    """Return the mean over the concepts, by DINO if it is there."""
    deciding = next((name for each in score.values() for name in each if name == NAME), "CLIP-I")
    return fmean(each.get(deciding, each["CLIP-I"]) for each in score.values())
