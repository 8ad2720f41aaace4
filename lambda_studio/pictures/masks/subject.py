"""Find the subject of a picture: by its alpha channel, a salient-object network or GrabCut; or load a mask file."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image

from lambda_studio.config import require
from lambda_studio.errors import ImageRefused, MaskRefused
from lambda_studio.pictures.files.opening import MaskFile, Photo, open_mask
from lambda_studio.pictures.masks.frames import is_frame
from lambda_studio.pictures.masks.grabcut import grabcut
from lambda_studio.pictures.masks.regions import ellipse
from lambda_studio.pictures.masks.salience_maps import doubts, salient_subject
from lambda_studio.pictures.masks.saliency import SIDE

SEGMENTERS = ("auto", "alpha", "salient", "grabcut", "none")
"""auto: alpha if it is a cut-out, otherwise salient, otherwise grabcut. none: the whole picture is the subject."""
Look = Callable[[Image.Image], Image.Image | None]
"""Returns the salience map of a picture (mode L, `saliency.SIDE` on each side), or None if there is no network."""
NOTHING, EVERYTHING = 0.01, 0.95
"""A mask is believed only if it covers a share of the picture between these."""
TINY = 0.02
"""A subject that covers a smaller share of its picture gives a warning."""
GREY = 0.1
"""The maximum share of a mask's pixels between black and white (its soft edge). A photo in its place has more."""
DOUBT = "look at its mask: "
"""How the warning about a mask begins that may be wrong."""
ALL_WHITE = "its mask {} is all white: the whole picture is the subject"
TINY_SAID = "its subject is tiny"
UNTURNED = f"{DOUBT}the photo is turned by its EXIF, and its mask {{}} may be drawn on the unturned photo"
FALLBACK = "the subject was not found and the middle of the picture is used: give a mask"
NO_CUT_OUT = "its transparency cuts out no subject and was not used as a mask"
FRAME = "its transparency is a frame, not a cut-out, and was not used as a mask"
AT_BOX = "the mask touches the box"
FILLS_BOX = "the mask fills the box: was the subject in it found?"
LOOK_AT = (DOUBT, FALLBACK, AT_BOX, FILLS_BOX, TINY_SAID, ALL_WHITE.partition("{}")[0])
"""How the warnings begin of a mask that is worth a look."""
BY_COLOUR = f"{DOUBT}it was found by colour alone"
NO_NETWORK = "The network that finds subjects is not installed, or its file is not the expected one."
REINSTALL = "Install λ-Studio again, with Python 3.11 or 3.12; or use segment=grabcut, or give a mask."


@dataclass(frozen=True)
class FoundMask:
    """A mask (mode L, 255 = subject; None: the whole picture) and warnings about it."""

    mask: Image.Image | None
    warnings: tuple[str, ...] = ()


def no_network(_: Image.Image) -> None:
    """Stand for a network that is not installed, as a `Look`."""


def find_mask(photo: Photo, segment: str = "auto", look: Look = no_network) -> Image.Image | None:
    """Return the mask of `find_subject`, without its warnings."""
    return find_subject(photo, segment, look).mask


def find_subject(photo: Photo, segment: str = "auto", look: Look = no_network) -> FoundMask:
    """Find the one subject of a picture, by one of `SEGMENTERS`. The same picture always gives the same mask.

    A warning about a mask that may be wrong starts with `DOUBT`, or is `FALLBACK`.
    Raises MaskRefused if `segment` is alpha or salient and cannot be used, and for a fully transparent picture.
    """
    cause = f"There is no segmenter {segment!r}."
    require(segment in SEGMENTERS, cause, f"Give one of: {', '.join(SEGMENTERS)}.")
    if segment == "none":
        return FoundMask(None)
    if segment == "alpha" or (segment == "auto" and is_cut_out(photo)):
        return _from_alpha(photo)
    notes = _unused_alpha(photo) if segment == "auto" else ()
    found = None if segment == "grabcut" else _salient(photo, look)
    if segment == "salient" and found is None:
        raise MaskRefused(f"{photo.path}: {NO_NETWORK}", REINSTALL)
    found = found or _by_colour(photo, (BY_COLOUR,) if segment == "auto" else ())
    return FoundMask(found.mask, (*notes, *found.warnings))


def is_doubtful(warnings: Iterable[str]) -> bool:
    """Return whether the warnings of an image say that its mask may be wrong."""
    return any(text.startswith(LOOK_AT) for text in warnings)


def without_mask_warnings(warnings: Iterable[str]) -> tuple[str, ...]:
    """Return the warnings of an image that are not about its mask, for an image that gets another mask."""
    about_masks = (*LOOK_AT, NO_CUT_OUT, FRAME)
    return tuple(text for text in warnings if not text.startswith(about_masks))


def is_cut_out(photo: Photo) -> bool:
    """Return whether the alpha channel cuts out a subject: a believable share is opaque and no frame, or none is."""
    if photo.alpha is None:
        return False
    opaque = np.asarray(photo.alpha) >= 128
    share = float(opaque.mean())
    return share == 0 or (NOTHING <= share <= EVERYTHING and not is_frame(opaque))


def _unused_alpha(photo: Photo) -> tuple[str, ...]:
    """Return why a photo's alpha channel was not used, if it has one."""
    if photo.alpha is None:
        return ()
    opaque = np.asarray(photo.alpha) >= 128
    return (FRAME,) if opaque.mean() <= EVERYTHING and is_frame(opaque) else (NO_CUT_OUT,)


def _salient(photo: Photo, look: Look) -> FoundMask | None:
    """Return the network's mask with its doubts; None without a network, or if its mask is not believable."""
    if (found := look(photo.image)) is None:
        return None
    salience = np.asarray(found)
    subject, small = salient_subject(salience, photo.image.size)
    if not NOTHING <= subject.mean() <= EVERYTHING:
        return None
    square = photo.image.resize((SIDE, SIDE), Image.Resampling.BOX)
    reasons = doubts(salience, small, lambda: grabcut(np.asarray(square)))
    doubt = (DOUBT + ", ".join(reasons),) if reasons else ()
    return FoundMask(mask_image(subject), (*doubt, *subject_warnings(subject.mean())))


def _by_colour(photo: Photo, warnings: tuple[str, ...]) -> FoundMask:
    subject = grabcut(np.asarray(photo.image))
    if NOTHING <= subject.mean() <= EVERYTHING:
        return FoundMask(mask_image(subject), (*warnings, *subject_warnings(subject.mean())))
    return FoundMask(mask_image(ellipse(subject.shape, 0.8)), (FALLBACK,))


def load_mask(
    path: Path, size: tuple[int, int], read: Callable[[Path], MaskFile] = open_mask, turned: bool = False
) -> FoundMask:
    """Load a mask file with `read`, for a picture of `size` (width, height). White or opaque pixels are the subject.

    `turned` is the photo's. Raises MaskRefused for another size, an empty mask, or a grey mask.
    """
    try:
        file = read(path)
    except ImageRefused as error:
        raise MaskRefused(f"The mask {error.cause}", error.remedy) from error
    subject = _drawn_subject(path, np.asarray(file.image), size)
    unturned = (UNTURNED.format(path.name),) if turned and not file.turned else ()
    if subject.all():
        return FoundMask(None, (*unturned, ALL_WHITE.format(path.name)))
    return FoundMask(mask_image(subject), (*unturned, *subject_warnings(subject.mean())))


def _drawn_subject(
    path: Path, grey: UInt8[np.ndarray, "height width"], size: tuple[int, int]
) -> Bool[np.ndarray, "height width"]:
    height, width = grey.shape
    if (width, height) != size:
        cause = f"The mask {path} has {width} x {height} pixels and its picture {size[0]} x {size[1]}."
        raise MaskRefused(cause, "Give a mask of the picture's size, after it is turned upright.")
    if (between := ((grey > 63) & (grey < 192)).mean()) > GREY:
        cause = f"The mask {path} is not black and white: {between:.0%} of it is grey or coloured."
        raise MaskRefused(cause, "Paint the subject white and everything else black.")
    subject = grey >= 128
    if not subject.any():
        cause = f"The mask {path} is empty (its brightest value is {grey.max()} of 255)."
        raise MaskRefused(cause, "Paint the subject white.")
    return subject


def subject_warnings(share: float) -> tuple[str, ...]:
    """Return the warnings for a subject that covers this share of its picture."""
    if share < TINY:
        return (f"{TINY_SAID} ({share:.1%} of the picture)",)
    return (f"{DOUBT}its subject is {share:.0%} of the picture",) if share >= EVERYTHING else ()


def _from_alpha(photo: Photo) -> FoundMask:
    if photo.alpha is None:
        raise MaskRefused(f"{photo.path} has no transparency.", "Use segment=grabcut, or give a mask.")
    subject = np.asarray(photo.alpha) >= 128
    if not subject.any():
        raise MaskRefused(f"{photo.path} is fully transparent.", "Use segment=grabcut, or give a mask.")
    warnings = subject_warnings(subject.mean())
    return FoundMask(None if subject.all() else mask_image(subject), warnings)


def mask_image(subject: Bool[np.ndarray, "height width"]) -> Image.Image:
    """Return the mask as it is stored: mode L, 255 = subject."""
    return Image.fromarray(subject.astype(np.uint8) * 255)
