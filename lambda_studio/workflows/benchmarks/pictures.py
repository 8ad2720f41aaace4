"""The pictures of a benchmark: drawn here, or taken from other programs. Those that are there are kept."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from PIL import Image
from torch import Tensor

from concepts.durable import make_folder, staged_file
from lambda_studio.config import GenerateConfig, read_adapters, require
from lambda_studio.generation.generator import PictureRequest, draw_each
from lambda_studio.generation.prompt import bind
from lambda_studio.generation.template import parse
from lambda_studio.models.adapters.adapter import ScaledFile
from lambda_studio.pictures.files.png import encode_png
from lambda_studio.workflows.benchmarks.results.cells import Cell, Wanted
from lambda_studio.workflows.benchmarks.results.results_folder import ResultsFolder
from lambda_studio.workflows.benchmarks.subjects import Photographs, pictures_in
from lambda_studio.workflows.drawing.adapter_choice import ChosenAdapter, choose_adapters
from lambda_studio.workflows.workplace import Workplace

MOST_NAMED = 5
"""The most incomplete cells that a refusal names."""


class BenchDrawer:
    """Draws pictures into the folder of an evaluation."""

    def __init__(self, place: Workplace, config: GenerateConfig, adapter: str):
        """Raises AdapterNotFound, ModelFilesMissing, ModelFilesInvalid, and InvalidSetting for a wrong size."""
        require(not config.negative_prompt, "Benchmarks have no negative prompt.", "Leave it out.", "negative_prompt")
        self._place = place
        self.adapters: tuple[ChosenAdapter, ...] = choose_adapters(place, read_adapters(adapter), [])[0]
        size = config.size(place.stack.resolution)
        place.stack.require_size(size)
        self.config = replace(config, resolution=None, height=size.height, width=size.width)

    def draw(self, asked: Sequence[Wanted], photographs: Photographs, folder: ResultsFolder) -> None:
        """Draw the pictures that are not there, and write each when it is drawn. Raises the errors of drawing."""
        missing = [each for each in asked if not folder.picture(each.key).is_file()]
        if not missing:
            return
        stack, config = self._place.stack, self._planned(len(missing))
        subjects = photographs.embeds(name for each in missing for name in each.cell.subjects)
        zero = stack.clip(("vision",)).zero_image_embeds()
        stack.spare("clip")  # the next steps need only the text tower
        files = [ScaledFile(each.path, each.scale) for each in self.adapters]
        requests = self._requests(missing, subjects, photographs.nouns)
        with (
            self._place.progress("Drawing", total=len(missing)) as advance,
            closing(draw_each(stack, requests, zero, config, files)) as drawn,
        ):
            for each, picture in zip(missing, drawn, strict=True):
                _write(folder.picture(each.key), picture.to_image())
                advance()
        stack.spare("decoder")

    def _planned(self, count: int) -> GenerateConfig:
        """Return the settings with the number of pictures at once that fits the memory."""
        config, stack = self.config, self._place.stack
        size = config.size(stack.resolution)
        plan = stack.drawing_plan(count, config.batch_size, size, config.deep_cache_interval > 1)
        if plan is None:
            stack.frees_idle = False
            return config
        if plan.is_told:
            self._place.notify(plan.said(size))
        stack.frees_idle = plan.frees_idle
        return replace(config, batch_size=plan.batch_size, decode_in_tiles=config.decode_in_tiles or plan.in_tiles)

    def _requests(
        self, asked: Sequence[Wanted], subjects: Mapping[str, Tensor], nouns: Mapping[str, str]
    ) -> list[PictureRequest]:
        return [
            PictureRequest(
                bind(parse(each.cell.prompt), nouns, self._place.stack.tokenizer),
                each.seed(self.config.seed or 0),
                {name: subjects[name] for name in each.cell.subjects},
            )
            for each in asked
        ]


def require_pictures_of(source: Path, cells: Sequence[Cell], pictures: int) -> None:
    """Raise InvalidSetting unless a folder has exactly so many pictures of each cell, in the folder of its key."""
    require(source.is_dir(), f"{source} is no folder.", "Give the folder with the pictures.", "score_only")
    counted = {key: len(found) for key, found in given_pictures(source, cells).items()}
    wrong = [f"{key} has {count}" for key, count in counted.items() if count != pictures]
    named = ", ".join(wrong[:MOST_NAMED]) + (f" and {len(wrong) - MOST_NAMED} more" if len(wrong) > MOST_NAMED else "")
    require(
        not wrong,
        f"{source} does not have {pictures} picture{'s' * (pictures != 1)} of each prompt: {named}.",
        "Such a table cannot be compared. Add what is missing, or choose subjects, prompts and the number of pictures.",
    )


def given_pictures(source: Path, cells: Sequence[Cell]) -> dict[str, list[Path]]:
    """Return the pictures of each cell in a folder of another program, by the cell's key. Raises InvalidSetting."""
    return {cell.key: _given(source, cell) for cell in cells}


def take(place: Workplace, source: Path, asked: Sequence[Wanted], folder: ResultsFolder) -> None:
    """Copy the pictures that are not there from a folder, as PNG without metadata. Raises ImageRefused."""
    missing = [each for each in asked if not folder.picture(each.key).is_file()]
    with place.progress("Opening pictures", total=len(missing)) as advance:
        for each in missing:
            path = _given(source, each.cell)[each.number - 1]
            _write(folder.picture(each.key), place.door.photo(path).image)
            advance()


def _given(source: Path, cell: Cell) -> list[Path]:
    folder = source / cell.key
    return pictures_in(folder) if folder.is_dir() else []


def _write(path: Path, image: Image.Image) -> None:
    make_folder(path.parent)
    with staged_file(path, replace=True) as staged:
        staged.write_bytes(encode_png(image))
