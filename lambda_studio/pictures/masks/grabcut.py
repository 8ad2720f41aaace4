"""Find the subject of a picture by its colours alone: GrabCut, seeded by pixels that stand out near the centre."""

import cv2
import numpy as np
from jaxtyping import Bool, UInt8

from lambda_studio.pictures.masks.regions import centred, ellipse, fill_holes, frame, main_parts

WORK_SIDE = 192
"""The long side of GrabCut's working copy, so that every picture takes a few tenths of a second."""
SEEDED_SIDE = 256
"""The long side of the working copy where a user's box or point gives the seeds."""
BORDER_COLOURS = 8
STANDS_OUT = 0.3
"""The share of Otsu's threshold. It is low because GrabCut drops pixels more reliably than it adds them."""


def grabcut(pixels: UInt8[np.ndarray, "height width 3"]) -> Bool[np.ndarray, "height width"]:
    """Run GrabCut on a small copy, clean the mask and scale it back."""
    height, width = pixels.shape[:2]
    scale = WORK_SIDE / max(height, width)
    shape = max(16, round(width * scale)), max(16, round(height * scale))
    small = cv2.resize(pixels, shape, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    found = fill_holes(main_parts(_cut(small), share=0.15, spread=0.35))
    smooth = cv2.INTER_LINEAR if scale < 1 else cv2.INTER_AREA
    return cv2.resize(found.astype(np.uint8) * 255, (width, height), interpolation=smooth) >= 128


def cut_from(
    pixels: UInt8[np.ndarray, "height width 3"], seeds: UInt8[np.ndarray, "height width"]
) -> Bool[np.ndarray, "height width"]:
    """Run GrabCut on a small copy from seeds (cv2.GC_BGD, GC_FGD, GC_PR_BGD, GC_PR_FGD), and scale the mask back."""
    height, width = pixels.shape[:2]
    scale = SEEDED_SIDE / max(height, width)
    shape = max(16, round(width * scale)), max(16, round(height * scale))
    small = np.ascontiguousarray(cv2.resize(pixels, shape, interpolation=cv2.INTER_AREA))
    seeds = cv2.resize(seeds, shape, interpolation=cv2.INTER_NEAREST)
    subject = np.isin(seeds, (cv2.GC_FGD, cv2.GC_PR_FGD))
    if subject.any() and not subject.all():  # GrabCut needs both
        cv2.setRNGSeed(0)
        cv2.grabCut(small, seeds, None, np.zeros((1, 65)), np.zeros((1, 65)), 5, cv2.GC_INIT_WITH_MASK)
        subject = np.isin(seeds, (cv2.GC_FGD, cv2.GC_PR_FGD))
    return cv2.resize(subject.astype(np.uint8) * 255, (width, height), interpolation=cv2.INTER_LINEAR) >= 128


def _cut(pixels: UInt8[np.ndarray, "height width 3"]) -> Bool[np.ndarray, "height width"]:
    """Run GrabCut from the pixels that stand out near the centre."""
    pixels = np.ascontiguousarray(pixels)
    seeds = np.where(_stands_out(pixels), cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    seeds[frame(seeds.shape, 0.02)] = cv2.GC_BGD
    if not (seeds == cv2.GC_PR_FGD).any():
        return np.zeros(seeds.shape, dtype=bool)
    cv2.setRNGSeed(0)
    cv2.grabCut(pixels, seeds, None, np.zeros((1, 65)), np.zeros((1, 65)), 5, cv2.GC_INIT_WITH_MASK)
    return seeds == cv2.GC_PR_FGD


def _stands_out(pixels: UInt8[np.ndarray, "height width 3"]) -> Bool[np.ndarray, "height width"]:
    """Return the pixels that differ from the border's colours at a similar height, weighted towards the centre."""
    height, width = pixels.shape[:2]
    lab = cv2.cvtColor(cv2.GaussianBlur(pixels, (0, 0), max(height, width) / 200 + 0.3), cv2.COLOR_RGB2LAB)
    x, y = centred(pixels.shape[:2])
    features = np.dstack([lab.astype(np.float32), 64 * y])  # sky is above and ground below
    border = features[frame((height, width), 0.06)]
    cv2.setRNGSeed(0)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 20, 1.0)
    _, _, centres = cv2.kmeans(border, BORDER_COLOURS, np.empty(0), criteria, 2, cv2.KMEANS_PP_CENTERS)
    distance = np.linalg.norm(features[:, :, None] - centres, axis=-1).min(axis=-1)
    standing = distance * np.exp(-(x**2 + y**2) / (2 * 0.7**2))
    levels = np.clip(255 * standing / max(np.percentile(standing, 99.5), 1e-6), 0, 255).astype(np.uint8)
    threshold, _ = cv2.threshold(levels, 0, 255, cv2.THRESH_OTSU)
    return (levels > STANDS_OUT * threshold) & ellipse((height, width), 0.85)
