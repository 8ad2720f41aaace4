"""The picture files that a drawing is given: opened, checked against each other, and cut to the drawing's size."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from lambda_studio.config import GenerateConfig, Size, require
from lambda_studio.errors import InvalidSetting
from lambda_studio.pictures.crops import middle_at
from lambda_studio.pictures.files.opening import read_file
from lambda_studio.pictures.files.png import sha256
from lambda_studio.pictures.parts import middle_crop
from lambda_studio.settings.pictures import ROLES
from lambda_studio.workflows.workplace import Workplace

if TYPE_CHECKING:
    from lambda_studio.generation.inputs import PictureInputs

STRENGTH = 0.5
"""The strength of a drawing that begins with a photograph. With a mask it is 1, as in diffusers' pipelines."""
CUT = 0.02
"""A photograph of which more is cut off is worth a note."""

GREY, MOST_GREY = range(32, 224), 0.2
"""The values that are neither black nor white, and the share of them above which a mask looks like a photograph."""


@dataclass(frozen=True)
class GivenPicture:
    """A picture file that a drawing was given, by the name of its role."""

    name: str
    sha256: str
    """Of the file's bytes."""
    image: Image.Image


Given = Mapping[str, GivenPicture]


def open_given(place: Workplace, paths: Mapping[str, Path | None]) -> dict[str, GivenPicture]:
    """Open the files of a drawing, by role, in the process for strangers' pictures.

    Raises ImageRefused; InvalidSetting for a mask of another shape than the photograph's, and for one that is black.
    """
    found = {role: _opened(place, role, path) for role in ROLES if (path := paths.get(role)) is not None}
    if "mask" in found and "from_image" in found:
        mask, photo = found["mask"].image, found["from_image"].image
        alike = abs(mask.width * photo.height - mask.height * photo.width) <= 0.01 * mask.width * photo.height
        said = f"The mask is {mask.width}x{mask.height} and the photograph {photo.width}x{photo.height}."
        require(alike, said, "Give a mask of the photograph's shape.")
    return found


def _opened(place: Workplace, role: str, path: Path) -> GivenPicture:
    if role != "mask":
        photo = place.door.photo(path)
        return GivenPicture(path.name, photo.file_sha, photo.image)
    image = place.door.mask_file(path).image
    require(_white(image).getbbox() is not None, f"{path} has no white.", "White is what is drawn anew.")
    return GivenPicture(path.name, sha256(read_file(path)), image)


def with_strength(config: GenerateConfig, wanted: float | None, given: Given) -> GenerateConfig:
    """Return the settings with the strength that fits the given pictures: none without a photograph.

    `wanted` is the user's. Raises InvalidSetting for one without a photograph.
    """
    if "from_image" in given:
        usual = 1.0 if "mask" in given else STRENGTH
        return config if config.strength is not None else replace(config, strength=usual)
    cause = "A strength is given without a photograph."
    require(wanted is None, cause, "Give the photograph, too: from_image=PHOTO.")
    return config if config.strength is None else replace(config, strength=None)


def require_edges(config: GenerateConfig, given: Given, edges: str) -> None:
    """Raise InvalidSetting for settings of edges without edges, and for thresholds that the stack's map does not have.

    `edges` is the name of the stack's edge map.
    """
    thresholds = config.edges_low is not None or config.edges_high is not None
    used = "edges" in given or not (thresholds or config.save_edges)
    require(used, "Settings of edges are given without a picture.", "Give the picture, too: edges=IMAGE.")
    known = edges == "canny" or not thresholds
    cause = f"Thresholds are Canny's, and the stack's edge map is {edges}."
    require(known, cause, "Leave out edges_low and edges_high.", "edges_low", "edges_high")


def notes_on(given: Given, size: Size) -> Iterator[str]:
    """Yield what is to be said of pictures that are cut to the drawing's shape, and of a mask that may be none.

    Raises InvalidSetting if no white of the mask is left.
    """
    if (mask := given.get("mask")) is not None:
        _cut_mask(mask.image, size)
        counts = mask.image.histogram()
        if sum(counts[GREY.start : GREY.stop]) > MOST_GREY * sum(counts):
            white = sum(counts[128:]) / sum(counts)
            yield f"{mask.name} is not black and white: what is brighter than grey, {white:.0%}, is drawn anew."
    for role in ("from_image", "depth"):
        if (picture := given.get(role)) is not None:
            width, height = picture.image.size
            kept = middle_crop(width, height, (size.width, size.height))
            if kept.width * kept.height < (1 - CUT) * width * height:
                yield (
                    f"{picture.name} is {width}x{height}: its middle {kept.width}x{kept.height} is used, at {size} "
                    "pixels. Another size takes more of it."
                )


def picture_inputs(given: Given, size: Size) -> "PictureInputs":
    """Return the pictures as tensors of the drawing's size: their largest middle part of that shape."""
    import numpy as np
    import torch

    from lambda_studio.generation.inputs import PictureInputs

    cut = {role: middle_at(each.image, size) for role, each in given.items() if role != "mask"}
    photo, depth = cut.get("from_image"), cut.get("depth")
    mask = _cut_mask(given["mask"].image, size) if "mask" in given else None
    return PictureInputs(
        torch.from_numpy(np.asarray(photo, dtype=np.float32) / 255).permute(2, 0, 1) if photo else None,
        torch.from_numpy(np.asarray(mask, dtype=np.float32)) if mask else None,
        torch.from_numpy(np.asarray(depth.convert("L"), dtype=np.float32) / 255) if depth else None,
    )


def _cut_mask(mask: Image.Image, size: Size) -> Image.Image:
    """Return the mask's middle part as 0 and 1, scaled as diffusers scales masks. Raises InvalidSetting if it is 0."""
    shape = (size.width, size.height)
    white = _white(middle_crop(*mask.size, shape).cut(mask).resize(shape, Image.Resampling.LANCZOS))
    if white.getbbox() is None:
        cause = f"At {size} pixels, the middle of the mask has no white."
        raise InvalidSetting(cause, "Give a larger white part, or another size.")
    return white


def _white(mask: Image.Image) -> Image.Image:
    """Return 1 where a mask is white rather than black, else 0."""
    return mask.point([int(value >= 128) for value in range(256)])
