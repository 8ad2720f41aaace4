"""Draw prompts: check them, draw those that share settings together, and write each picture when it is drawn."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from lambda_studio.config import GenerateConfig
from lambda_studio.errors import PromptInvalid
from lambda_studio.pictures.outputs import beside, write_picture
from lambda_studio.workflows.answers.pictures import Drawn, DrawnAdapter, DrawnPicture
from lambda_studio.workflows.drawing.asking.given_pictures import picture_inputs
from lambda_studio.workflows.drawing.asking.preparing import Drawing, Prepared, prepare
from lambda_studio.workflows.drawing.counting import by_picture
from lambda_studio.workflows.workplace import Workplace

if TYPE_CHECKING:
    from torch import Tensor

    from lambda_studio.generation.generator import PictureRequest


def generate(place: Workplace, drawing: Drawing) -> Drawn:
    """Draw one prompt and write its pictures. Raises PromptInvalid for a prompt with a wildcard."""
    drawn = generate_all(place, [drawing], one=True)
    return drawn[0]


def generate_all(place: Workplace, drawings: Sequence[Drawing], one: bool = False) -> list[Drawn]:
    """Draw prompts and write their pictures. Every check that needs no model comes before the models are loaded.

    Return one answer for each prompt, or, for a prompt with wildcards, for each concept that they stand for. Pictures
    of different prompts are drawn together if their settings and adapters are the same.

    Args:
        one: refuse wildcards.
    """
    prepared = prepare(place, drawings)
    if one and len(prepared) > 1:
        raise PromptInvalid(f"The prompt stands for {len(prepared)} prompts.", "Draw it with Studio.generate_all.")
    written: list[list[DrawnPicture]] = []
    groups = [list(each) for _, each in groupby(prepared, _together)]
    plans = [_planned(place, group) for group in groups]
    tell_new_seed(place, prepared)
    total = sum(_steps(group, config) for group, config in zip(groups, plans, strict=True))
    counts = [_pictures(group) for group in groups]
    several = sum(each.config.best or each.drawing.count for each in prepared) > 1
    with place.progress("Drawing", total=total) as advance:
        for number, (group, config) in enumerate(zip(groups, plans, strict=True)):
            on_step = by_picture(advance, config, counts[number], sum(counts), sum(counts[:number]))
            written += _draw(place, group, config, several, on_step)
    maps = save_edge_maps(place, prepared)
    drawn = [_drawn(place, each, pictures) for each, pictures in zip(prepared, written, strict=True)]
    return [replace(answer, edge_map=maps.get(_edges(each))) for answer, each in zip(drawn, prepared, strict=True)]


def _together(prepared: Prepared) -> object:
    """Return what pictures have in common that are drawn together."""
    config = prepared.config
    steps = config.num_inference_steps, config.sampler, config.guidance_scale, config.deep_cache_interval
    shared = *steps, config.batch_size, config.decode_in_tiles, config.strength, prepared.drawing.batch
    pictures = [(role, each.sha256) for role, each in prepared.given.items() if role != "edges"]
    return shared, pictures, prepared.size, [(each.path, each.scale) for each in prepared.adapters]


def _planned(place: Workplace, group: Sequence[Prepared]) -> GenerateConfig:
    """Return the settings with the number of pictures at once that fits, and say it. Raises InvalidSetting."""
    config, size, batch = group[0].config, group[0].size, group[0].drawing.batch
    count, encodes = batch.size if batch else _pictures(group), "from_image" in group[0].given
    plan = place.stack.drawing_plan(count, config.batch_size, size, config.deep_cache_interval > 1, encodes)
    if plan is None:
        place.stack.frees_idle = False
        return config
    if plan.is_told:
        place.notify(plan.said(size))
    place.stack.frees_idle = plan.frees_idle
    return replace(config, batch_size=plan.batch_size, decode_in_tiles=config.decode_in_tiles or plan.in_tiles)


def _steps(group: Sequence[Prepared], config: GenerateConfig) -> int:
    """Return the number of denoising steps over all batches of a group."""
    return -(-_pictures(group) // config.batch_size) * config.steps_run


def _pictures(group: Sequence[Prepared]) -> int:
    return sum(len(each.seeds) for each in group)


def tell_new_seed(place: Workplace, prepared: Sequence[Prepared]) -> None:
    """Say the new seed of pictures for which none was given, so that they can be drawn again."""
    for seed in {each.config.seed for each in prepared if each.is_new_seed}:
        place.notify(f"The seed is {seed}.")


def _draw(
    place: Workplace,
    group: Sequence[Prepared],
    config: GenerateConfig,
    several: bool,
    on_step: Callable[[int, int], None],
) -> list[list[DrawnPicture]]:
    """Draw the pictures of one group, and write each as soon as it is drawn, or the best ones at the end.

    `several` is whether more than one picture is written, of all groups.
    """
    from lambda_studio.generation.generator import draw_each
    from lambda_studio.models.adapters.adapter import ScaledFile
    from lambda_studio.workflows.drawing.pictures import Destination, Inputs, texts_of, write_each
    from lambda_studio.workflows.drawing.scoring import keep, scores_of

    requests, zero_image_embeds = requests_of(place, group)
    batch = group[0].drawing.batch
    if batch and batch.size <= config.batch_size:
        requests = [replace(each, batch=batch) for each in requests]
    files = [ScaledFile(each.path, each.scale) for each in group[0].adapters]
    pictures = draw_each(place.stack, requests, zero_image_embeds, config, files, on_step)
    targets = [
        Destination(
            texts_of(place, Inputs.of(each, config.decode_in_tiles)), each.drawing.out, each.template.text,
            at_once=each.config.best is None, several=several,
        )
        for each in group
    ]  # fmt: skip
    spread = [to for each, to in zip(group, targets, strict=True) for _ in each.seeds]
    made = write_each(pictures, spread, place.notify)
    rows = iter(zip(made, scores_of(place, group, made), strict=True))
    return [keep(each, [next(rows) for _ in each.seeds]) for each in group]


def requests_of(place: Workplace, group: Sequence[Prepared]) -> "tuple[list[PictureRequest], Tensor]":
    """Return one request for each picture, with the embeddings of subjects and edges, and that for no picture."""
    from lambda_studio.generation.generator import PictureRequest
    from lambda_studio.generation.references import subject_embeds

    concepts = {concept.name: concept for each in group for concept in each.concepts}
    embeddings, computed = place.embedder.subjects(list(concepts.values()))
    zero_image_embeds = place.embedder.zero()
    edged = {key: each.given["edges"].image for each in group if (key := _edges(each))}
    controls = {key: place.edge_embeds(image, key[1]) for key, image in edged.items()}
    inputs = picture_inputs(group[0].given, group[0].size)
    if computed or edged:
        place.stack.spare("clip")  # the next steps need only the text tower
    return [
        PictureRequest(
            each.prompt,
            seed,
            subject_embeds(each.prompt, embeddings, each.config.references, seed),
            controls[key] if (key := _edges(each)) else None,
            each.negative,
            inputs,
        )
        for each in group
        for seed in each.seeds
    ], zero_image_embeds


def _edges(prepared: Prepared) -> tuple[str, tuple[int, int]] | None:
    """Return the hash and the thresholds of the edges that a drawing follows, or None."""
    edges = prepared.given.get("edges")
    return (edges.sha256, prepared.config.edge_thresholds) if edges else None


def save_edge_maps(place: Workplace, prepared: Sequence[Prepared]) -> dict[object, Path]:
    """Write each edge map that is to be saved under a free name beside the pictures, and return the paths."""
    from lambda_studio.pictures.edges import edge_map

    found: dict[object, Path] = {}
    for each in prepared:
        if each.config.save_edges and _edges(each) not in found:
            edges, side = each.given["edges"], place.stack.resolution
            lines = edge_map(edges.image, place.spec.edges, side, side, each.config.edge_thresholds)
            title = f"{Path(edges.name).stem} edges"
            found[_edges(each)] = write_picture(lines, {}, beside(each.drawing.out, "edges"), title)
    return found


def _drawn(place: Workplace, prepared: Prepared, pictures: Sequence[DrawnPicture]) -> Drawn:
    adapters = prepared.adapters
    return Drawn(
        prompt=prepared.template.text,
        pictures=tuple(pictures),
        stack=place.spec.name,
        adapter=adapters[0].record.id if adapters else None,
        stale=prepared.choice.stale,
        height=prepared.size.height,
        width=prepared.size.width,
        given={role: each.sha256 for role, each in prepared.given.items()},
        adapters=tuple(DrawnAdapter(each.record.id, each.record.sha256, each.scale) for each in adapters),
    )
