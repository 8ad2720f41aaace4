"""Measure the content of the miniature's embeddings, the limit of its decoder, as JSON.

python benchmarks/experiments/embedding_holds.py --axes 32 64 100 256

A small network learns to read nouns, looks and worn things from the first principal axes of rendered pictures'
embeddings. The test embeddings are of held-out subjects: of rendered pictures, and of the prior's predictions.
"""

import argparse
import itertools
import json

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lambda_studio.miniature.judge.measurements import Evaluation
from lambda_studio.miniature.judge.questions import LOOKS, answers_loss, noun_counts, questions
from lambda_studio.miniature.judge.reader import load_reader
from lambda_studio.miniature.world.identities import NOTHING, NOUNS
from lambda_studio.miniature.world.rendering import SEEN, render
from lambda_studio.miniature.world.scenes import Scene, concatenate, scenes
from lambda_studio.miniature.world.seeding import seeded
from lambda_studio.models.clip.clip import Clip
from lambda_studio.models.stacks.stack import Stack, resolve_stack

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument(
    "--axes", nargs="+", type=int, default=[32, 64, 100, 256], help="the numbers of principal axes to read"
)
parser.add_argument("--pictures", type=int, default=24_000, help="training pictures, in steps of 500")
parser.add_argument("--steps", type=int, default=1500)
parser.add_argument("--count", type=int, default=1000, help="test pictures")
parser.add_argument("--seed", type=int, default=1000)
arguments = parser.parse_args()

ANSWERS = {"there": 1, **LOOKS}


class Reading(nn.Module):
    """Return answers for every noun."""

    def __init__(self, axes: int, width: int = 1024):
        super().__init__()
        sizes = itertools.pairwise((axes, width, width))
        hidden = [layer for pair in sizes for layer in (nn.Linear(*pair), nn.GELU(), nn.Dropout(0.2))]
        self.layers = nn.Sequential(*hidden, nn.Linear(width, len(NOUNS) * sum(ANSWERS.values())))

    def forward(self, whitened: Tensor) -> dict[str, Tensor]:
        parts = self.layers(whitened).unflatten(1, (len(NOUNS), -1)).split(list(ANSWERS.values()), dim=-1)
        return dict(zip(ANSWERS, parts, strict=True))


def learn(whitened: Tensor, seen: Scene, steps: int) -> Reading:
    reading = Reading(whitened.shape[1])
    optimizer = torch.optim.AdamW(reading.parameters(), lr=1e-3, weight_decay=0.05)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 1e-3 * min(1, (step + 1) / 100) * (1 - step / steps)
        rows = torch.randint(len(whitened), (512,))
        answers = reading(whitened[rows] + 0.1 * torch.randn(512, whitened.shape[1]))
        about = questions(seen[rows])
        there = F.binary_cross_entropy_with_logits(answers["there"][..., 0], (noun_counts(seen[rows]) > 0).float())
        loss = there + answers_loss({name: answers[name][about.row, about.noun] for name in LOOKS}, about)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return reading.eval()


@torch.no_grad()
def of_one(reading: Reading, whitened: Tensor, scene: Scene) -> dict[str, float]:
    """Return shares of right answers about one subject. `worn` counts only dressed subjects."""
    answers, rows, nouns = reading(whitened), torch.arange(len(scene)), scene.who.noun[:, 0]
    dressed = scene.worn[:, 0] != NOTHING
    return {
        "noun": share(answers["there"][..., 0].argmax(1) == nouns),
        "main": share(answers["main"][rows, nouns].argmax(1) == scene.who.main[:, 0]),
        "worn": share((answers["worn"][rows, nouns].argmax(1) == scene.worn[:, 0] + 1)[dressed]),
    }


@torch.no_grad()
def of_two(reading: Reading, whitened: Tensor, scene: Scene) -> dict[str, float]:
    """Return shares of pictures of two subjects with both nouns right, and both with their main colours."""
    answers, rows, nouns = reading(whitened), torch.arange(len(scene))[:, None], scene.who.noun[:, :2]
    found = answers["there"][..., 0].topk(2, dim=1).indices.sort(1).values
    both = (found == nouns.sort(1).values).all(1)
    colours = (answers["main"][rows, nouns].argmax(-1) == scene.who.main[:, :2]).all(1)
    return {"both_nouns": share(both), "both_main": share(both & colours)}


def share(right: Tensor) -> float:
    return round(right.float().mean().item(), 3)


def embed(clip: Clip, scene: Scene) -> Tensor:
    return clip.encode_pixels(render(scene, SEEN).images, batch_size=128)


torch.manual_seed(arguments.seed)
evaluation = Evaluation(Stack(resolve_stack("miniature")), load_reader(), arguments.count, arguments.seed)
parts = [scenes(500, seeded(arguments.seed, "embedding holds", start)) for start in range(0, arguments.pictures, 500)]
seen, embeds = concatenate(parts), torch.cat([embed(evaluation.clip, part) for part in parts])
mean, (variances, axes) = embeds.mean(0), torch.linalg.eigh(torch.cov(embeds.T))
one, two = evaluation.scenes("decoder"), evaluation.scenes("two", "beside", dressed=0.0)
asked = {
    "real": (embed(evaluation.clip, one), embed(evaluation.clip, two)),
    "prior's": (evaluation._prior(one, True), evaluation._prior(two, True)),
}
found = []
for count in arguments.axes:
    first = axes.flip(1)[:, :count] / variances.flip(0)[:count].sqrt()
    reading = learn((embeds - mean) @ first, seen, arguments.steps)
    for name, (of_ones, of_twos) in asked.items():
        scores = of_one(reading, (of_ones - mean) @ first, one) | of_two(reading, (of_twos - mean) @ first, two)
        found.append({"axes": count, "embeddings": name, **scores})
print(json.dumps(found, indent=1))
