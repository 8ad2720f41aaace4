"""Find the subject that a user marked, by a box around it or a point on it."""

import cv2
import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image

from lambda_studio.errors import MaskRefused
from lambda_studio.pictures.files.opening import Photo
from lambda_studio.pictures.masks.grabcut import cut_from
from lambda_studio.pictures.masks.marks import Box, Point
from lambda_studio.pictures.masks.regions import fill_holes
from lambda_studio.pictures.masks.subject import FoundMask, Look, mask_image, no_network, subject_warnings

AROUND = 0.1
"""The network sees the box with a margin of this share of its sides."""
SURE = 243
"""A pixel with at least this salience (of 255) is the subject for certain."""
NEVER = 8
"""A pixel with less salience is background for certain."""
WINDOWS = (2.0, 0.9, 0.6)
"""The windows around a point in which it is looked for, as shares of the long side: the whole picture first."""
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
    return _found(subject, photo, "box")


def subject_at(photo: Photo, point: Point, look: Look = no_network) -> FoundMask:
    """Find the subject at a point: the part of the first salience map that covers the point, else GrabCut from it.

    Raises MaskRefused for a point that is not in the picture.
    """
    x, y = point.on(photo.image.size, photo.given_size, photo.path.name)
    side = max(photo.image.size)
    for share in WINDOWS:
        half = round(share * side / 2)
        salience = _salience(photo.image, (x - half, y - half, x + half, y + half), look)
        if salience is None:
            break
        if salience[y, x] >= 128:
            return _found(_part_at(salience >= 128, x, y), photo, "point")
    rows, columns = np.ogrid[: photo.image.height, : photo.image.width]
    distance = np.hypot(columns - x, rows - y) / side
    seeds = np.where(distance < REACH, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    seeds[distance < DISC] = cv2.GC_FGD
    seeds[[0, -1]] = seeds[:, [0, -1]] = cv2.GC_BGD
    return _found(_part_at(fill_holes(cut_from(np.asarray(photo.image), seeds)), x, y), photo, "point")


def _salience(
    image: Image.Image, window: tuple[int, int, int, int], look: Look
) -> UInt8[np.ndarray, "height width"] | None:
    """Return the salience of the part of a picture in a window, and 0 outside; None without a network."""
    left, top, right, bottom = max(0, window[0]), max(0, window[1]), *(map(min, window[2:], image.size))
    found = look(image.crop((left, top, right, bottom)))
    if found is None:
        return None
    salience = np.zeros(image.size[::-1], np.uint8)
    salience[top:bottom, left:right] = cv2.resize(np.asarray(found), (right - left, bottom - top))
    return salience


def _part_at(subject: Bool[np.ndarray, "height width"], x: int, y: int) -> Bool[np.ndarray, "height width"]:
    """Return the connected part that covers the point, without its holes; all parts if none does."""
    _, labels = cv2.connectedComponents(subject.astype(np.uint8))
    return fill_holes(labels == labels[y, x]) if labels[y, x] else subject


def _found(subject: Bool[np.ndarray, "height width"], photo: Photo, mark: str) -> FoundMask:
    if not subject.any():
        cause = f"Nothing was found by the {mark} for {photo.path.name}."
        raise MaskRefused(cause, "Give another box or point, or a mask file.")
    return FoundMask(mask_image(subject), subject_warnings(subject.mean()))
