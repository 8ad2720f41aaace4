"""Find the subject that a user marked, by a box around it or a point on it."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image

from lambda_studio.errors import MaskRefused
from lambda_studio.pictures.files.opening import Photo
from lambda_studio.pictures.masks.grabcut import cut_from, grabcut
from lambda_studio.pictures.masks.marks import Box, Point
from lambda_studio.pictures.masks.regions import fill_holes
from lambda_studio.pictures.masks.salience_maps import doubts, measures
from lambda_studio.pictures.masks.saliency import SIDE
from lambda_studio.pictures.masks.subject import (
    AT_BOX,
    BY_COLOUR,
    DOUBT,
    FILLS_BOX,
    FoundMask,
    Look,
    mask_image,
    no_network,
    subject_warnings,
)

Window = tuple[int, int, int, int]
"""Left, top, right and bottom, in pixels."""
AROUND = 0.1
"""The network sees the box with a margin of this share of its sides."""
SURE = 243
"""A pixel with at least this salience (of 255) is the subject for certain."""
NEVER = 8
"""A pixel with less salience is background for certain."""
WINDOWS = (2.0, 1.0)
"""The windows around a point that the network sees, as shares of the long side: the whole picture first."""
LAST_WINDOW = 0.6
"""The window that it sees if it finds nothing at the point in the others."""
SURER = 0.02
"""A window is preferred to the whole picture if its map's share of undecided pixels is smaller by this."""
ALONG, RIM = 0.15, 3
"""A mask touches a side of a box if it covers at least this share of it, in pixels so near: GrabCut leaves a rim."""
FILLED = 0.95
"""A mask fills its box if it covers this share of it. Of 62 photographs, the fullest right one covers 0.75."""
CUT = AT_BOX + " on {} sides: is the whole subject in it?"
DISC, REACH = 0.03, 0.25
"""Without the network: the radius around the point that is the subject, and the radius that may be."""


def subject_in_box(photo: Photo, box: Box, look: Look = no_network) -> FoundMask:
    """Find the subject in a box: GrabCut, from what the network sees in the box if there is one.

    Raises MaskRefused for a box that is not in the picture, or in which nothing is found.
    """
    left, top, right, bottom = box.on(photo.image.size, photo.given_size, photo.path.name)
    seeds = np.full(photo.image.size[::-1], cv2.GC_PR_FGD, np.uint8)
    aside, down = round(AROUND * (right - left)), round(AROUND * (bottom - top))
    salience = _salience(photo.image, (left - aside, top - down, right + aside, bottom + down), look)
    if salience is not None and (salience[top:bottom, left:right] >= 128).any():
        seeds[salience < 128] = cv2.GC_PR_BGD
        seeds[salience >= SURE] = cv2.GC_FGD
        seeds[salience < NEVER] = cv2.GC_BGD
    outside = np.ones(seeds.shape, bool)
    outside[top:bottom, left:right] = False
    seeds[outside] = cv2.GC_BGD
    subject = fill_holes(cut_from(np.asarray(photo.image), seeds)) & ~outside
    return _found(subject, photo, "box", _box_warnings(subject, (left, top, right, bottom)))


def _box_warnings(subject: Bool[np.ndarray, "height width"], box: Window) -> tuple[str, ...]:
    """Return a warning if the subject touches its box, or fills one whose other sides are at the picture's edge."""
    (left, top, right, bottom), touched = box, _touched(subject, box)
    if touched > 1:
        return (CUT.format(touched),)
    return (FILLS_BOX,) if subject[top:bottom, left:right].mean() >= FILLED else ()


def _touched(subject: Bool[np.ndarray, "height width"], box: Window) -> int:
    """Return how many sides of a box the subject touches, without those at the picture's edge."""
    (left, top, right, bottom), (height, width) = box, subject.shape
    part = subject[top:bottom, left:right]
    sides = (
        (part[:RIM].any(axis=0), top > 0),
        (part[-RIM:].any(axis=0), bottom < height),
        (part[:, :RIM].any(axis=1), left > 0),
        (part[:, -RIM:].any(axis=1), right < width),
    )
    return sum(bool(inside and side.mean() >= ALONG) for side, inside in sides)


def subject_at(photo: Photo, point: Point, look: Look = no_network) -> FoundMask:
    """Find the subject at a point: the part that covers it in the surest map of two windows, else GrabCut from it.

    A warning says if the mask is doubtful, as for a subject that is found without a point.
    Raises MaskRefused for a point that is not in the picture.
    """
    x, y = point.on(photo.image.size, photo.given_size, photo.path.name)
    seen = [*_views(photo.image, (x, y), WINDOWS, look)] or [*_views(photo.image, (x, y), (LAST_WINDOW,), look)]
    if not seen:
        subject = _part_at(fill_holes(cut_from(np.asarray(photo.image), _disc(photo.image.size, x, y))), x, y)
        return _found(subject, photo, "point", (BY_COLOUR,))
    best = min(seen, key=lambda view: view.undecided + SURER * (view.window != seen[0].window))
    subject = _part_at(_placed(best.salience, best.window, photo.image.size) >= 128, x, y)
    square = photo.image.crop(best.window).resize((SIDE, SIDE), Image.Resampling.BOX)
    reasons = doubts(best.salience, best.part, lambda: grabcut(np.asarray(square)))
    return _found(subject, photo, "point", (DOUBT + ", ".join(reasons),) if reasons else ())


@dataclass(frozen=True)
class _View:
    """The salience map of one window without other parts, the part at the point, and the share of undecided pixels."""

    window: Window
    salience: UInt8[np.ndarray, "320 320"]
    part: Bool[np.ndarray, "320 320"]
    undecided: float


def _views(image: Image.Image, at: tuple[int, int], shares: tuple[float, ...], look: Look) -> Iterator[_View]:
    """Yield the map of each window around a point in which something is found there. Equal windows are seen once."""
    for window in dict.fromkeys(_window(at, share, image.size) for share in shares):
        if (found := look(image.crop(window))) is None:
            return
        salience, (left, top, right, bottom) = np.asarray(found), window
        x, y = SIDE * (at[0] - left) // (right - left), SIDE * (at[1] - top) // (bottom - top)
        if salience[y, x] >= 128:
            part = _part_at(salience >= 128, x, y)
            alone = np.where(part | (salience < 128), salience, np.uint8(0))  # the point chose among what stands out
            yield _View(window, alone, part, measures(alone, part)[0])


def _window(at: tuple[int, int], share: float, size: tuple[int, int]) -> Window:
    """Return the part of a picture around a point; `share` is of the long side."""
    (x, y), half = at, round(share * max(size) / 2)
    return max(0, x - half), max(0, y - half), min(size[0], x + half), min(size[1], y + half)


def _disc(size: tuple[int, int], x: int, y: int) -> UInt8[np.ndarray, "height width"]:
    """Return GrabCut's seeds around a point."""
    rows, columns = np.ogrid[: size[1], : size[0]]
    distance = np.hypot(columns - x, rows - y) / max(size)
    seeds = np.where(distance < REACH, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    seeds[distance < DISC] = cv2.GC_FGD
    seeds[[0, -1]] = seeds[:, [0, -1]] = cv2.GC_BGD
    return seeds


def _salience(image: Image.Image, window: Window, look: Look) -> UInt8[np.ndarray, "height width"] | None:
    """Return the salience of the part of a picture in a window, and 0 outside; None without a network."""
    left, top, right, bottom = max(0, window[0]), max(0, window[1]), *(map(min, window[2:], image.size))
    found = look(image.crop((left, top, right, bottom)))
    return None if found is None else _placed(np.asarray(found), (left, top, right, bottom), image.size)


def _placed(
    salience: UInt8[np.ndarray, "320 320"], window: Window, size: tuple[int, int]
) -> UInt8[np.ndarray, "height width"]:
    """Return a window's map at the size of its picture, with 0 outside of the window."""
    left, top, right, bottom = window
    placed = np.zeros(size[::-1], np.uint8)
    placed[top:bottom, left:right] = cv2.resize(salience, (right - left, bottom - top))
    return placed


def _part_at(subject: Bool[np.ndarray, "height width"], x: int, y: int) -> Bool[np.ndarray, "height width"]:
    """Return the connected part that covers the point, without its holes; all parts if none does."""
    _, labels = cv2.connectedComponents(subject.astype(np.uint8))
    return fill_holes(labels == labels[y, x]) if labels[y, x] else subject


def _found(
    subject: Bool[np.ndarray, "height width"], photo: Photo, mark: str, warnings: tuple[str, ...] = ()
) -> FoundMask:
    if not subject.any():
        cause = f"Nothing was found by the {mark} for {photo.path.name}."
        raise MaskRefused(cause, "Give another box or point, or a mask file.")
    return FoundMask(mask_image(subject), (*warnings, *subject_warnings(subject.mean())))
