"""Write pictures as an animation: WebP, GIF or MP4."""

import os
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from concepts.durable import staged_file
from lambda_studio.errors import InvalidSetting, OutputExists

SUFFIXES = (".webp", ".gif", ".mp4")


LONGEST = 600.0
"""The most seconds of one way."""


def require_animation(path: Path, seconds: float) -> None:
    """Raise InvalidSetting for a name of another kind or that cannot be written, or a wrong length; or OutputExists."""
    if not 0 < seconds <= LONGEST:
        raise InvalidSetting(f"The animation takes {seconds:g} seconds.", f"Give more than 0, up to {LONGEST:g}.")
    if path.suffix.lower() not in SUFFIXES:
        raise InvalidSetting(f"{path} names no animation.", f"Give a name that ends in {', '.join(SUFFIXES)}.")
    if path.exists():
        raise OutputExists(f"{path} exists.", "Give another name.")
    there = next(each for each in path.absolute().parents if each.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise InvalidSetting(f"{path} cannot be written: {there} takes no files.", "Give a name in another folder.")


def write_animation(pictures: Sequence[Image.Image], path: Path, seconds: float) -> None:
    """Write pictures of one size, one after the other and back again, in so many seconds for one way.

    The write is atomic and durable. MP4 is MPEG-4, by OpenCV. Raises as `require_animation`.
    """
    require_animation(path, seconds)
    there_and_back = [*pictures, *pictures[-2:0:-1]]
    pause = max(1, round(1000 * seconds / max(1, len(pictures))))
    path.parent.mkdir(parents=True, exist_ok=True)
    with staged_file(path) as staged:
        if path.suffix.lower() == ".mp4":
            _write_video(there_and_back, staged, 1000 / pause)
            return
        kind = {".webp": "WEBP", ".gif": "GIF"}[path.suffix.lower()]
        more = {"quality": 90} if kind == "WEBP" else {}
        first, *rest = there_and_back
        first.save(staged, kind, save_all=True, append_images=rest, duration=pause, loop=0, **more)


def _write_video(pictures: Sequence[Image.Image], staged: Path, rate: float) -> None:
    video = staged.with_suffix(".mp4")  # OpenCV chooses the container by the name
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"mp4v"), rate, pictures[0].size)
    if not writer.isOpened():
        raise InvalidSetting("OpenCV writes no MP4 on this machine.", "Give a name that ends in .webp or .gif.")
    try:
        for picture in pictures:
            writer.write(cv2.cvtColor(np.asarray(picture.convert("RGB")), cv2.COLOR_RGB2BGR))
        writer.release()
        video.replace(staged)
    finally:
        video.unlink(missing_ok=True)
