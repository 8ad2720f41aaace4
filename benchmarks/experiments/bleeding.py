"""Measure how well bleeding is predicted before a training: sampled libraries of the miniature, each with its adapter.

python benchmarks/experiments/bleeding.py --libraries 200 --steps 100 --out bleeding.jsonl
python benchmarks/experiments/bleeding.py --out bleeding.jsonl --fit

Each library has two subjects of each of two nouns, drawn from the identities that no training saw. One line of OUT is
one library: for each ordered pair of its subjects, the likeness of pictures drawn as the one with the references of the
other, less that of the references, before the training and after it. A run that is stopped goes on with the next
library. `--fit` samples the same libraries again, and prints how what is known before correlates with it.
"""

import argparse
import json
import tempfile
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lambda_studio.config import FinetuneConfig, GenerateConfig
from lambda_studio.evaluation.similarity import likeness, matrix_of_references
from lambda_studio.generation.generator import condition_prompts, predict_image_embeds
from lambda_studio.generation.prompt import bind
from lambda_studio.generation.samplers import sample
from lambda_studio.generation.template import parse
from lambda_studio.miniature.judge.oracle import identity_of
from lambda_studio.miniature.judge.reader import load_reader
from lambda_studio.miniature.world.figures import FIGURES
from lambda_studio.miniature.world.identities import NOUNS, Identity, identities, in_every_slot
from lambda_studio.miniature.world.rendering import render, render_cutouts, seen
from lambda_studio.miniature.world.scenes import scenes
from lambda_studio.miniature.world.seeding import seeded
from lambda_studio.models.stacks.stack import Stack, resolve_stack
from lambda_studio.training.examples import Example
from lambda_studio.training.finetuning import finetune_decoder

OF_A_NOUN, REFERENCES, PICTURES = 2, 4, 3
SEEDS = list(range(PICTURES))
PROMPT = "a <s> on the beach"


class Library:
    """Four subjects with their references, as embeddings of both networks."""

    def __init__(self, number: int, stack: Stack, oracle: Any):
        self.number, self.stack, self.oracle = number, stack, oracle
        generator = seeded(number, "bleeding")
        chosen = torch.randperm(len(FIGURES), generator=generator)[:2].tolist()
        nouns = [tuple(FIGURES)[at] for at in chosen]
        people = [identities(OF_A_NOUN, generator, held_out=True, nouns=(noun,)) for noun in nouns]
        self.who = [who[row : row + 1] for who in people for row in range(OF_A_NOUN)]
        self.photos = [self._photos(who, generator) for who in self.who]
        clip = stack.clip(("text", "vision"))
        cut_outs = [torch.cat([render_cutouts(who, generator) for _ in range(REFERENCES)]) for who in self.who]
        self.subjects = [clip.encode_pixels(each) for each in cut_outs]
        self.crops = [clip.encode_pixels(seen(each)) for each in self.photos]
        self.references = {str(at): self._identity(each, at) for at, each in enumerate(self.photos)}

    def known(self, one: int, other: int) -> dict[str, float]:
        """Return what may predict that pictures drawn as `one` show `other`, from embeddings and before a training."""
        mean, crops = [each.mean(0) for each in self.subjects], [each.mean(0) for each in self.crops]
        spread = (self.subjects[one] - mean[one]).norm(dim=1).mean() + (self.subjects[other] - mean[other]).norm(
            dim=1
        ).mean()
        predicted = self._predicted(one).mean(0)
        return {
            "cosine": _cosine(mean[one], mean[other]),
            "spread over distance": float(spread / (mean[one] - mean[other]).norm().clamp_min(1e-6)),
            "prior": _cosine(predicted, crops[other]) - _cosine(predicted, crops[one]),
        }

    def same_noun(self, one: int, other: int) -> bool:
        """Return whether two subjects have one noun."""
        return bool(self.who[one].noun == self.who[other].noun)

    def measured(self, images: Tensor) -> list[list[float]]:
        """Return the likeness of pictures drawn as each subject with the references of each."""
        drawn = [self._identity(each, at) for at, each in enumerate(images)]
        return [[likeness(each, self.references[str(other)]) for other in range(len(drawn))] for each in drawn]

    def draw(self) -> Tensor:
        """Return pictures of each subject, `subject picture 3 height width`."""
        decoder, zero = self.stack.decoder(), self.stack.clip(("text", "vision")).zero_image_embeds()
        config = GenerateConfig(num_inference_steps=10).preferring(self.stack.spec.generate)
        embeds = [self._predicted(at) for at in range(len(self.who))]
        return torch.stack([sample(decoder, each, zero, SEEDS, config) for each in embeds])

    def _predicted(self, at: int) -> Tensor:
        """Return the prior's embeddings of a subject's pictures."""
        clip = self.stack.clip(("text", "vision"))
        prompt = bind(parse(PROMPT), {"s": NOUNS[int(self.who[at].noun)]}, clip.tokenizer)
        subject = {"s": self.subjects[at].mean(0)}
        inputs = condition_prompts(clip, [prompt] * PICTURES, [subject] * PICTURES, clip.zero_image_embeds())
        return predict_image_embeds(self.stack.prior(), inputs, SEEDS)

    def tune(self, steps: int) -> None:
        """Train one LoRA on all subjects. It stays on the stack's decoder."""
        decoder = self.stack.decoder()
        examples = [
            Example(str(at), f"{self.number}-{at}-{row}", latents.clone(), self.crops[at][row].clone())
            for at, photos in enumerate(self.photos)
            for row, latents in enumerate(decoder.encode(photos))
        ]
        config = FinetuneConfig(seed=self.number, steps=steps, random_flip=False).preferring(self.stack.spec.finetune)
        with tempfile.TemporaryDirectory() as folder:
            finetune_decoder(decoder, examples, config, Path(folder) / "run")

    def _photos(self, who: Identity, generator: torch.Generator) -> Tensor:
        alone = torch.zeros(REFERENCES, dtype=torch.int64)
        cast = in_every_slot(who[alone])
        return render(scenes(REFERENCES, generator, who=cast, relation=alone, worn_share=0.0)).images

    @torch.no_grad()
    def _identity(self, images: Tensor, at: int) -> Tensor:
        return identity_of(self.oracle(images.float()), self.who[at].noun.expand(len(images)))


def library(number: int, steps: int, stack: Stack, oracle: Any) -> dict[str, Any]:
    """Return what was known and what was measured of each pair of a library."""
    sampled = Library(number, stack, oracle)
    real = matrix_of_references(sampled.references).rows
    before = sampled.measured(sampled.draw())
    sampled.tune(steps)
    after = sampled.measured(sampled.draw())
    stack.free("decoder")
    pairs = []
    for one, other in product(range(len(sampled.who)), repeat=2):
        if one != other:
            base = real[one][other] or 0.0
            measured = {"real": base, "before": before[one][other] - base, "after": after[one][other] - base}
            rounded = {name: round(value, 4) for name, value in measured.items()}
            pairs.append({"pair": [one, other], "same_noun": sampled.same_noun(one, other), **rounded})
    own = {
        "before": fmean(row[at] for at, row in enumerate(before)),
        "after": fmean(row[at] for at, row in enumerate(after)),
    }
    return {"library": number, "steps": steps, "pairs": pairs, "likeness": {k: round(v, 4) for k, v in own.items()}}


PREDICTORS = ("cosine", "spread over distance", "prior")


def _cosine(one: Tensor, other: Tensor) -> float:
    return float(F.cosine_similarity(one, other, dim=0))


def correlation(one: Tensor, other: Tensor) -> float:
    """Return Pearson's correlation."""
    return float(torch.corrcoef(torch.stack([one, other]))[0, 1])


def ranks(values: Tensor) -> Tensor:
    """Return the ranks of values, for Spearman's correlation."""
    return values.argsort().argsort().double()


def pairs_of(lines: list[dict[str, Any]], stack: Stack, oracle: Any) -> list[dict[str, Any]]:
    """Return all measured pairs, with what was known of them. The libraries are sampled again for it."""
    found = []
    for line in lines:
        sampled = Library(line["library"], stack, oracle)
        pairs = [pair for pair in product(range(len(sampled.who)), repeat=2) if pair[0] != pair[1]]
        for pair, measured in zip(pairs, line["pairs"], strict=True):
            learnt = {"learnt": measured["after"] - measured["before"], "library": line["library"]}
            found.append({**measured, **sampled.known(*pair), **learnt})
    return found


def fitted(pairs: list[dict[str, Any]], known: str, measured: str) -> dict[str, float]:
    """Return the correlation of a predictor, and how well the line of the even libraries fits the odd ones."""
    x, y = (torch.tensor([float(pair[name]) for pair in pairs], dtype=torch.float64) for name in (known, measured))
    even = torch.tensor([pair["library"] % 2 == 0 for pair in pairs])
    design = torch.stack([torch.ones(int(even.sum()), dtype=torch.float64), x[even]], 1)
    constant, slope = torch.linalg.lstsq(design, y[even]).solution.tolist()
    error = (y[~even] - (constant + slope * x[~even])).pow(2).mean().sqrt()
    found = {"pearson": correlation(x, y), "spearman": correlation(ranks(x), ranks(y)), "slope": slope}
    found |= {"error": float(error), "spread": float(y[~even].std()), "mean": float(y.mean())}
    return {name: round(value, 3) for name, value in found.items()}


def report(lines: list[dict[str, Any]], stack: Stack, oracle: Any) -> dict[str, Any]:
    """Return every predictor's correlation with the bleeding before and after, and with what the training added."""
    pairs = pairs_of(lines, stack, oracle)
    groups = {"all": pairs, "same noun": [pair for pair in pairs if pair["same_noun"]]}
    found: dict[str, Any] = {"libraries": len(lines)}
    for (group, chosen), measured in product(groups.items(), ("before", "after", "learnt")):
        of_each = {known: fitted(chosen, known, measured) for known in PREDICTORS}
        found[f"{group}: {measured}"] = {"pairs": len(chosen), **of_each}
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--libraries", type=int, default=200)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--fit", action="store_true", help="print the correlations of what is in OUT")
    given = parser.parse_args()
    lines = [json.loads(line) for line in given.out.read_text().splitlines()] if given.out.exists() else []
    stack, oracle = Stack(resolve_stack("miniature")), load_reader().oracle
    if given.fit:
        print(json.dumps(report(lines, stack, oracle), indent=1))
    else:
        for number in range(len(lines), given.libraries):
            with given.out.open("a") as file:
                file.write(json.dumps(library(number, given.steps, stack, oracle)) + "\n")
