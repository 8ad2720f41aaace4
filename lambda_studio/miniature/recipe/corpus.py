"""The training pictures of the recipe: rendered once, stored on disk as plain arrays, read by every stage."""

from collections.abc import Mapping, Sized
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from einops import rearrange, repeat
from jaxtyping import Bool, Float, Int
from safetensors.torch import load_file, save_file
from torch import Tensor

from concepts.durable import make_folder, staged_file, sync_file
from lambda_studio.miniature.world.figures import WORN
from lambda_studio.miniature.world.identities import NOTHING, NOUNS, Identity
from lambda_studio.miniature.world.rendering import PIXELS, SEEN, render, render_cutouts
from lambda_studio.miniature.world.scenes import Scene, scenes
from lambda_studio.miniature.world.seeding import seeded
from lambda_studio.pictures.edges import EDGE_MAPS
from lambda_studio.progress import Progress, silent

CHUNK = 2_048
"""The scenes that are drawn at once."""


@dataclass(frozen=True)
class Corpus:
    """Scenes, their pictures, and a cut-out of each subject and each worn thing, as in a reference picture.

    The cut-out of a subject is `cutouts[cutout_rows[scene, slot]]`; row -1 means none. `worn_cutouts` and `worn_rows`
    are alike. Cut-outs have the side that CLIP sees, `images` that which the decoder draws.
    Pictures are uint8, `picture height width channel`, memory-mapped.
    """

    folder: Path
    scene: Scene
    images: np.ndarray
    cutouts: np.ndarray
    worn_cutouts: np.ndarray
    cutout_rows: Tensor
    worn_rows: Tensor

    def __len__(self) -> int:
        return len(self.images)


def pixels(pictures: np.ndarray, rows: Tensor) -> Float[Tensor, "batch 3 height width"]:
    """Return the pictures of the given rows, in 0..1."""
    return rearrange(torch.from_numpy(pictures[rows.numpy()]), "b h w c -> b c h w").float() / 255


def edges(pictures: np.ndarray, rows: Tensor, name: str) -> Float[Tensor, "batch 3 height width"]:
    """Return edge maps (0 or 1) of the given rows, computed on the CPU. `name` is a key of `EDGE_MAPS`."""
    maps = np.zeros((len(rows), *pictures.shape[1:3]), dtype=np.uint8)
    for place, row in enumerate(rows.tolist()):
        maps[place] = EDGE_MAPS[name](np.asarray(pictures[row]))
    return repeat(torch.from_numpy(maps).float() / 255, "b h w -> b c h w", c=3)


def random_rows(corpus: Sized, generator: torch.Generator, batch_size: int) -> Int[Tensor, " batch"]:
    """Return random rows of a corpus, drawn with replacement."""
    return torch.randint(len(corpus), (batch_size,), generator=generator)


def worn_identity(scene: Scene, row: Tensor, slot: Tensor) -> Identity:
    """Return worn things as subjects, so that they can be cut out like subjects."""
    who = scene.who[row, slot]
    values = {f.name: getattr(who, f.name) for f in fields(who)}
    values["noun"] = scene.worn[row, slot] + len(NOUNS) - len(WORN)
    values["main"], values["main_rgb"] = scene.worn_colour[row, slot], scene.worn_rgb[row, slot]
    return Identity(**values)


def _bytes(images: Tensor) -> np.ndarray:
    return rearrange((images * 255).round().byte(), "b c h w -> b h w c").numpy()


def rows_of(present: Bool[Tensor, "scene slot"]) -> Int[Tensor, "scene slot"]:
    """Return the number of each present subject, in the order of scenes and slots, or -1."""
    rows = torch.full(present.shape, -1)
    rows[present] = torch.arange(int(present.sum()))
    return rows


def save_whole(tensors: dict[str, Tensor], path: Path) -> None:
    """Write a file atomically. The recipe never re-creates an existing file."""
    with staged_file(path, replace=True) as staged:
        save_file(tensors, staged)


def flat(scene: Scene) -> dict[str, Tensor]:
    """Return the fields of scenes by name, those of the subjects as `who.NAME`."""
    who = {f"who.{f.name}": getattr(scene.who, f.name).contiguous() for f in fields(scene.who)}
    return who | {f.name: getattr(scene, f.name).contiguous() for f in fields(scene) if f.name != "who"}


def scene_of(table: Mapping[str, Tensor]) -> Scene:
    """Return the scenes of fields by name, as `flat` returns them, among other tensors."""
    who = Identity(**{f.name: table[f"who.{f.name}"] for f in fields(Identity)})
    return Scene(who=who, **{f.name: table[f.name] for f in fields(Scene) if f.name != "who"})


def build_corpus(folder: Path, count: int, seed: int, device: str = "cpu", progress: Progress = silent) -> Corpus:
    """Render `count` scenes without held-out subjects into `folder`, or open the corpus of an earlier call."""
    done = folder / "scene.safetensors"
    if not done.exists():
        make_folder(folder)
        scene = scenes(count, seeded(seed, "corpus", count))
        present, dressed = scene.who.noun != NOTHING, scene.worn != NOTHING
        with progress("rendering", count) as advance:
            shapes = {"images": count, "cutouts": int(present.sum()), "worn_cutouts": int(dressed.sum())}
            sides = {"images": PIXELS, "cutouts": SEEN, "worn_cutouts": SEEN}
            files = {name: _create(folder / f"{name}.npy", size, sides[name]) for name, size in shapes.items()}
            at = {"cutouts": 0, "worn_cutouts": 0}
            for start in range(0, count, CHUNK):
                rows = torch.arange(start, min(start + CHUNK, count))
                files["images"][start : start + CHUNK] = _bytes(render(scene[rows].to(device)).images.cpu())
                for name, mask in (("cutouts", present), ("worn_cutouts", dressed)):
                    row, slot = mask[rows].nonzero().T
                    who = scene.who[rows[row], slot] if name == "cutouts" else worn_identity(scene, rows[row], slot)
                    made = render_cutouts(who.to(device), seeded(seed, name, start)).cpu()
                    files[name][at[name] : at[name] + len(made)] = _bytes(made)
                    at[name] += len(made)
                advance(len(rows))
            for name, file in files.items():
                file.flush()
                sync_file(folder / f"{name}.npy")  # before the scene file, which marks the pictures as complete
        save_whole(flat(scene), done)
    return open_corpus(folder)


def _create(path: Path, count: int, side: int) -> np.memmap:
    shape = (count, side, side, 3)
    return np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)


def open_corpus(folder: Path) -> Corpus:
    """Open the corpus that `build_corpus` wrote to `folder`."""
    scene = scene_of(load_file(folder / "scene.safetensors"))
    images, cutouts, worn_cutouts = (
        np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        for name in ("images", "cutouts", "worn_cutouts")
    )
    cutout_rows, worn_rows = rows_of(scene.who.noun != NOTHING), rows_of(scene.worn != NOTHING)
    return Corpus(folder, scene, images, cutouts, worn_cutouts, cutout_rows, worn_rows)
