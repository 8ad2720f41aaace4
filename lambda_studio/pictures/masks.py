"""Find the subject of a picture: from a mask file, the alpha channel, or GrabCut seeded from the centre."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image

from lambda_studio.config import require
from lambda_studio.errors import ImageRefused, MaskRefused
from lambda_studio.pictures.opening import Photo, open_grey

SEGMENTERS = ("auto", "alpha", "grabcut", "none")
"""auto: alpha if the picture has it, otherwise grabcut. none: the whole picture is the subject."""
WORK_SIDE = 192
"""The long side of GrabCut's working copy, so that every picture takes a few tenths of a second."""
BORDER_COLOURS = 8
STANDS_OUT = 0.3
"""The share of Otsu's threshold. It is low because GrabCut drops pixels more reliably than it adds them."""
NOTHING, EVERYTHING = 0.01, 0.95
"""GrabCut's mask is used only if it covers a share of the picture between these."""
TINY = 0.02
"""A subject that covers a smaller share of its picture gives a warning."""
GREY = 0.1
"""The maximum share of a mask's pixels between black and white (its soft edge)."""
FALLBACK = "the subject was not found and the middle of the picture is used: give a mask"


@dataclass(frozen=True)
class FoundMask:
    """A mask (mode L, 255 = subject; None: the whole picture) and warnings about it."""

    mask: Image.Image | None
    warnings: tuple[str, ...] = ()


def find_mask(photo: Photo, segment: str = "auto") -> Image.Image | None:
    """Return the mask of `find_subject`, without its warnings."""
    return find_subject(photo, segment).mask


def find_subject(photo: Photo, segment: str = "auto") -> FoundMask:
    """Find the one subject of a picture, by one of `SEGMENTERS`. The same picture always gives the same mask.

    Raises MaskRefused if `segment` is alpha and the picture has no alpha or is fully transparent.
    """
    cause = f"There is no segmenter {segment!r}."
    require(segment in SEGMENTERS, cause, f"Give one of: {', '.join(SEGMENTERS)}.")
    if segment == "none":
        return FoundMask(None)
    if segment == "alpha" or (segment == "auto" and photo.alpha is not None):
        return _from_alpha(photo)
    subject = _grabcut(np.asarray(photo.image))
    if NOTHING <= subject.mean() <= EVERYTHING:
        return FoundMask(mask_image(subject), subject_warnings(subject.mean()))
    return FoundMask(mask_image(_ellipse(subject.shape, 0.8)), (FALLBACK,))


def load_mask(path: Path, size: tuple[int, int], read: Callable[[Path], Image.Image] = open_grey) -> Image.Image | None:
    """Load a mask file with `read`, for a picture of `size` (width, height). White or opaque pixels are the subject.

    Return None if the whole mask is white. Raises MaskRefused for another size, an empty mask, or a grey mask.
    """
    try:
        grey = np.asarray(read(path))
    except ImageRefused as error:
        raise MaskRefused(f"The mask {error.cause}", error.remedy) from error
    height, width = grey.shape
    if (width, height) != size:
        cause = f"The mask {path} has {width} x {height} pixels and its picture {size[0]} x {size[1]}."
        raise MaskRefused(cause, "Give a mask of the picture's size, after it is turned upright.")
    if ((grey > 63) & (grey < 192)).mean() > GREY:
        raise MaskRefused(f"The mask {path} is grey.", "Paint the subject white and everything else black.")
    subject = grey >= 128
    if not subject.any():
        cause = f"The mask {path} is empty (its brightest value is {grey.max()} of 255)."
        raise MaskRefused(cause, "Paint the subject white.")
    return None if subject.all() else mask_image(subject)


def subject_warnings(share: float) -> tuple[str, ...]:
    """Return the warnings for a subject that covers this share of its picture."""
    return (f"its subject is tiny ({share:.1%} of the picture)",) if share < TINY else ()


def _from_alpha(photo: Photo) -> FoundMask:
    if photo.alpha is None:
        raise MaskRefused(f"{photo.path} has no transparency.", "Use segment=grabcut, or give a mask.")
    subject = np.asarray(photo.alpha) >= 128
    if not subject.any():
        raise MaskRefused(f"{photo.path} is fully transparent.", "Use segment=grabcut, or give a mask.")
    return FoundMask(None) if subject.all() else FoundMask(mask_image(subject), subject_warnings(subject.mean()))


def mask_image(subject: Bool[np.ndarray, "height width"]) -> Image.Image:
    """Return the mask as it is stored: mode L, 255 = subject."""
    return Image.fromarray(subject.astype(np.uint8) * 255)


def _grabcut(pixels: UInt8[np.ndarray, "height width 3"]) -> Bool[np.ndarray, "height width"]:
    """Run GrabCut on a small copy, clean the mask and scale it back."""
    height, width = pixels.shape[:2]
    scale = WORK_SIDE / max(height, width)
    shape = max(16, round(width * scale)), max(16, round(height * scale))
    small = cv2.resize(pixels, shape, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    found = _clean(_cut(small))
    smooth = cv2.INTER_LINEAR if scale < 1 else cv2.INTER_AREA
    return cv2.resize(found.astype(np.uint8) * 255, (width, height), interpolation=smooth) >= 128


def _cut(pixels: UInt8[np.ndarray, "height width 3"]) -> Bool[np.ndarray, "height width"]:
    """Run GrabCut from the pixels that stand out near the centre."""
    pixels = np.ascontiguousarray(pixels)
    seeds = np.where(_stands_out(pixels), cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    seeds[_edge(seeds.shape, 0.02)] = cv2.GC_BGD
    if not (seeds == cv2.GC_PR_FGD).any():
        return np.zeros(seeds.shape, dtype=bool)
    cv2.setRNGSeed(0)
    cv2.grabCut(pixels, seeds, None, np.zeros((1, 65)), np.zeros((1, 65)), 5, cv2.GC_INIT_WITH_MASK)
    return seeds == cv2.GC_PR_FGD


def _stands_out(pixels: UInt8[np.ndarray, "height width 3"]) -> Bool[np.ndarray, "height width"]:
    """Return the pixels that differ from the border's colours at a similar height, weighted towards the centre."""
    height, width = pixels.shape[:2]
    lab = cv2.cvtColor(cv2.GaussianBlur(pixels, (0, 0), max(height, width) / 200 + 0.3), cv2.COLOR_RGB2LAB)
    x, y = _centred(pixels.shape[:2])
    features = np.dstack([lab.astype(np.float32), 64 * y])  # sky is above and ground below
    border = features[_edge((height, width), 0.06)]
    cv2.setRNGSeed(0)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 20, 1.0)
    _, _, centres = cv2.kmeans(border, BORDER_COLOURS, np.empty(0), criteria, 2, cv2.KMEANS_PP_CENTERS)
    distance = np.linalg.norm(features[:, :, None] - centres, axis=-1).min(axis=-1)
    standing = distance * np.exp(-(x**2 + y**2) / (2 * 0.7**2))
    levels = np.clip(255 * standing / max(np.percentile(standing, 99.5), 1e-6), 0, 255).astype(np.uint8)
    threshold, _ = cv2.threshold(levels, 0, 255, cv2.THRESH_OTSU)
    return (levels > STANDS_OUT * threshold) & _ellipse((height, width), 0.85)


def _clean(subject: Bool[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """Remove specks, threads, parts away from the subject, and holes."""
    opened = cv2.morphologyEx(subject.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, labels, stats, centres = cv2.connectedComponentsWithStats(opened, connectivity=4)
    if count < 2:
        return np.zeros_like(subject)
    offset = np.linalg.norm(centres[1:] / subject.shape[::-1] - 0.5, axis=1)
    weight = stats[1:, cv2.CC_STAT_AREA] * np.exp(-((offset / 0.35) ** 2))
    kept = np.isin(labels, 1 + np.flatnonzero(weight >= 0.15 * weight.max()))
    return _fill_holes(kept)


def _fill_holes(subject: Bool[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """Add every background area that does not touch the picture's edge to the subject."""
    background = np.pad(~subject, 1, constant_values=True).astype(np.uint8)
    _, labels = cv2.connectedComponents(background, connectivity=4)
    return (labels != labels[0, 0])[1:-1, 1:-1]


def _edge(shape: tuple[int, ...], share: float) -> Bool[np.ndarray, "height width"]:
    """Return a frame, `share` of the longer side wide. It is open at the bottom, where subjects leave the picture."""
    height, width = shape
    thickness = max(1, round(share * max(shape)))
    frame = np.ones(shape, dtype=bool)
    frame[thickness:-thickness, thickness:-thickness] = False
    frame[height // 2 :, width // 5 : width - width // 5] = False
    return frame


def _centred(shape: tuple[int, ...]) -> tuple[Float[np.ndarray, "height width"], Float[np.ndarray, "height width"]]:
    """Return x and y of each pixel, from -1 to 1."""
    axes = [((2 * np.arange(length) + 1) / length - 1).astype(np.float32) for length in shape[:2]]
    y, x = np.meshgrid(*axes, indexing="ij")
    return x, y


def _ellipse(shape: tuple[int, ...], radius: float) -> Bool[np.ndarray, "height width"]:
    """Return an ellipse in the middle of the picture; radius 1 touches its edges."""
    x, y = _centred(shape)
    return x**2 + y**2 <= radius**2
