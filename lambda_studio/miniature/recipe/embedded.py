"""The prior's training data: scenes, and CLIP's embeddings of their pictures. The pictures are not stored.

A prior memorises a set as small as the corpus (docs/decisions/0073).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor

from lambda_studio.miniature.recipe.corpus import (
    edges,
    flat,
    rows_of,
    scene_of,
    worn_identity,
)  # fmt: skip
from lambda_studio.miniature.world.identities import NOTHING
from lambda_studio.miniature.world.rendering import render, render_cutouts, seen
from lambda_studio.miniature.world.scenes import Scene
from lambda_studio.models.clip.clip import Clip


@dataclass(frozen=True)
class Embedded:
    """Scenes with embeddings in half precision: of their pictures, of the edges, and of each subject's cut-out.

    The cut-out of a subject is `cutouts[cutout_rows[scene, slot]]`; row -1 means none. It is a new drawing of the
    identity. `worn_cutouts` and `worn_rows` are alike. `zero` is the embedding of no picture.
    """

    scene: Scene
    images: Float[Tensor, "scene dim"]
    edges: Float[Tensor, "scene dim"]
    cutouts: Float[Tensor, "cutout dim"]
    worn_cutouts: Float[Tensor, "worn dim"]
    cutout_rows: Int[Tensor, "scene slot"]
    worn_rows: Int[Tensor, "scene slot"]
    zero: Float[Tensor, " dim"]

    def __len__(self) -> int:
        return len(self.images)

    @classmethod
    def of(cls, table: Mapping[str, Tensor], zero: Float[Tensor, " dim"]) -> "Embedded":
        """Return the data of the tables that `embed` made, joined."""
        scene = scene_of(table)
        embeds = {name: table[name] for name in ("images", "edges", "cutouts", "worn_cutouts")}
        rows = {"cutout_rows": rows_of(scene.who.noun != NOTHING), "worn_rows": rows_of(scene.worn != NOTHING)}
        return cls(scene=scene, **embeds, **rows, zero=zero)

    def first(self, count: int | None) -> "Embedded":
        """Return the first scenes (None: all). Cut-outs are found by row, so all of them stay."""
        rows = slice(count)
        return Embedded(
            self.scene[rows], self.images[rows], self.edges[rows], self.cutouts, self.worn_cutouts,
            self.cutout_rows[rows], self.worn_rows[rows], self.zero,
        )  # fmt: skip


@torch.no_grad()
def embed(scene: Scene, clip: Clip, edge_map: str, generator: torch.Generator, at_once: int) -> dict[str, Tensor]:
    """Draw scenes, their edges and their cut-outs, and return the scenes' fields with CLIP's embeddings by name.

    Args:
        scene: The scenes, on the CPU.
        clip: The CLIP, on the device that draws.
        edge_map: A key of `pictures.edges.EDGE_MAPS`.
        generator: The source of randomness of the cut-outs, on the CPU.
        at_once: The number of scenes that are drawn and encoded at once.
    """
    device = clip.device
    made: dict[str, list[Tensor]] = {name: [] for name in ("images", "edges", "cutouts", "worn_cutouts")}

    def encode(name: str, pictures: Float[Tensor, "batch 3 height width"]) -> None:
        with torch.autocast(device.type, torch.bfloat16):
            made[name].append(clip.encode_pixels(pictures.to(device), batch_size=at_once).half().cpu())

    for rows in torch.arange(len(scene)).split(at_once):
        part = scene[rows]
        images = render(part.to(device)).images
        stored = rearrange((images.cpu() * 255).round().byte(), "b c h w -> b h w c").numpy()
        encode("images", seen(images))
        encode("edges", seen(edges(stored, torch.arange(len(part)), edge_map)))
        row, slot = (part.who.noun != NOTHING).nonzero().T
        encode("cutouts", render_cutouts(part.who[row, slot].to(device), generator))
        row, slot = (part.worn != NOTHING).nonzero().T
        if len(row):
            encode("worn_cutouts", render_cutouts(worn_identity(part, row, slot).to(device), generator))
    nothing = torch.empty(0, clip.dim, dtype=torch.float16)
    return flat(scene) | {name: torch.cat([nothing, *parts]) for name, parts in made.items()}
