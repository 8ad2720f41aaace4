"""An oracle that was told the truth, and the truth in its own words."""

import torch

from lambda_studio.miniature.judge.oracle import (
    PER_NOUN,
    Oracle,
    Reading,
    owners,
)
from lambda_studio.miniature.judge.questions import DETAILS
from lambda_studio.miniature.world.identities import NOTHING, NOUNS
from lambda_studio.miniature.world.rendering import render
from lambda_studio.miniature.world.scenes import Scene, scenes
from lambda_studio.miniature.world.seeding import seeded


class Perfect(Oracle):
    """An oracle that was told the truth about the pictures it will be shown, and errs where `wrong` says so."""

    def __init__(self, scene: Scene, wrong: tuple[str, ...] = ()):
        super().__init__(width=4, dim=24)
        self.reading = truth(scene, wrong)

    def forward(self, images: torch.Tensor) -> Reading:
        return self.reading


def truth(scene: Scene, wrong: tuple[str, ...] = ()) -> Reading:
    wrong = (*wrong, "tips") if "details" in wrong else wrong
    nouns = {name: torch.zeros(len(scene), len(NOUNS), count) for name, count in PER_NOUN.items()}
    place = torch.zeros(len(scene), 8)
    place[torch.arange(len(scene)), (scene.place + ("place" in wrong)) % 8] = 9.0
    nouns["present"] -= 9.0
    for row in range(len(scene)):
        for slot, noun in enumerate(scene.who.noun[row].tolist()):
            if noun != NOTHING:
                nouns["present"][row, (noun + 1) % 12 if "noun" in wrong else noun] = 9.0
                truth = {name: getattr(scene.who, name)[row, slot] for name in ("main", "second", "pattern", *DETAILS)}
                truth |= {"worn": scene.worn[row, slot] + 1, "worn_colour": scene.worn_colour[row, slot]}
                for name, value in truth.items():
                    nouns[name][row, noun, (value + (name in wrong)) % PER_NOUN[name]] = 9.0
    identity = torch.nn.functional.one_hot(torch.arange(len(NOUNS)), 64).float()
    cells = 20.0 * torch.nn.functional.one_hot(owners_of(scene), len(NOUNS) + 1)
    return Reading(place, nouns, identity.expand(len(scene), -1, -1).clone(), cells)


def owners_of(scene: Scene) -> torch.Tensor:
    drawn = render(scene)
    return owners(drawn, scene)


def alone(count: int, seed: int) -> Scene:
    rows = torch.zeros(count, dtype=torch.int64)
    return scenes(count, seeded(seed, "alone"), relation=rows, things_share=0.0, worn_share=0.5)
