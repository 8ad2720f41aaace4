"""Hostile adapter files: the weights that are in the file, or a refusal and a model that is as it was."""

import json
import random
import shutil
from pathlib import Path

import numpy as np
import torch
from torch import nn

from lambda_studio.errors import ModelFilesInvalid, ModelFilesMissing
from lambda_studio.models.adapters.adapter import apply_adapter
from tests.reliability.adapter_files import BASE, FULL, LORA, WIDTH, Case, cases, written
from tests.reliability.hostile_images import mutation
from tests.reliability.judging import Tally, shares, written_anew
from tests.reliability.outcome import Harness, Outcome

BY_HAND, MUTATIONS = 100, 10_000_000
KINDS = {"F16": "<f2", "F32": "<f4", "F64": "<f8"}


class Attention(nn.Module):
    """As much of a UNet as an adapter looks at."""

    def __init__(self) -> None:
        super().__init__()
        self.to_q, self.to_k = nn.Linear(WIDTH, WIDTH, bias=False), nn.Linear(WIDTH, WIDTH, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(WIDTH, WIDTH, bias=False)])
        self.norm = nn.Parameter(torch.ones(WIDTH))


class Model(nn.Module):
    """A model with one attention."""

    def __init__(self) -> None:
        super().__init__()
        self.attn = Attention()


def by_hand(share: float, folder: Path, seed: int) -> list[Outcome]:
    """Each file that was made by hand, once."""
    known, tally, model = list(cases()), Tally(), Model()
    for number in shares(len(known), share):
        place = folder / str(number)
        place.mkdir()
        tally.judge(known[number].name, case_fault(model, known[number], place))
        shutil.rmtree(place)
    return [
        tally.outcome("hostile adapter file, by hand", BY_HAND, "each file is applied to a model with four weights")
    ]


def case_fault(model: nn.Module, case: Case, folder: Path) -> str | None:
    """What was wrong with how a file was taken; None where nothing was."""
    accepted, fault = applied(model, weights_of(model), written(case, folder))
    if fault is None and accepted != case.right:
        return "was applied" if accepted else "was refused"
    return fault


def mutated(share: float, folder: Path, seed: int) -> list[Outcome]:
    """Right files with bytes changed: anywhere, or in the header alone, whose length is then put right."""
    numbers, tally, model = random.Random(seed), Tally(), Model()
    path, before = folder / "m.safetensors", weights_of(model)
    for number in range(max(1, round(MUTATIONS * share))):
        content = numbers.choice((LORA, FULL))
        end = 8 + int.from_bytes(content[:8], "little")
        if numbers.random() < 0.5:
            header = mutation(numbers, content[8:end])
            written_anew(path, len(header).to_bytes(8, "little") + header + content[end:])
        else:
            written_anew(path, mutation(numbers, content))
        tally.judge(f"mutation {number} of seed {seed}", applied(model, before, path)[1])
    note = "the applied weights are compared with a second reader of the file (relative difference at most 1e-4)"
    return [tally.outcome("hostile adapter file, mutated", MUTATIONS, note)]


def weights_of(model: nn.Module) -> dict[str, torch.Tensor]:
    """A copy of every weight."""
    return {name: weight.detach().clone() for name, weight in model.named_parameters()}


def applied(model: nn.Module, before: dict[str, torch.Tensor], path: Path) -> tuple[bool, str | None]:
    """Whether a file was applied, and what was wrong with that, with the refusal, or with taking it out again.

    `before` are the model's weights.
    """
    try:
        undo = apply_adapter(model, path, BASE)
    except (ModelFilesInvalid, ModelFilesMissing) as error:
        fault = None if same(model, before) else "was refused, and the model is changed"
        return False, fault or words_fault(error, path)
    except Exception as error:  # whatever comes out beside a refusal is what is looked for
        return False, f"{type(error).__name__}: {error}"
    fault = weights_fault(model, before, path)
    undo()
    return True, fault or (None if same(model, before) else "the model is not what it was")


def words_fault(error: ModelFilesInvalid | ModelFilesMissing, path: Path) -> str | None:
    """What is wrong with the words of a refusal."""
    plain = path.name in error.cause and error.remedy and len(error.cause) < 500 and "\n" not in error.cause
    return None if plain else f"odd words: {error.cause[:200]}"


def same(model: nn.Module, before: dict[str, torch.Tensor]) -> bool:
    """Whether every weight is what it was, bit for bit."""
    return all(
        weight.numpy(force=True).tobytes() == before[name].numpy().tobytes()
        for name, weight in model.named_parameters()
    )


def weights_fault(model: nn.Module, before: dict[str, torch.Tensor], path: Path) -> str | None:
    """How the weights differ from what the file holds."""
    tensors = read(path.read_bytes())
    for name, weight in model.named_parameters():
        module, found = name.removesuffix(".weight"), weight.numpy(force=True)
        if name in tensors:
            expected = tensors[name].astype("<f4")
        elif f"{module}.lora_A.weight" in tensors:
            product = tensors[f"{module}.lora_B.weight"].astype("<f4") @ tensors[f"{module}.lora_A.weight"].astype(
                "<f4"
            )
            expected = before[name].numpy() + product
        else:
            expected = before[name].numpy()
        if found.shape != expected.shape or not np.allclose(found, expected, rtol=1e-4, atol=1e-5):
            return f"{name} is not what the file holds"
        if not np.isfinite(found).all():
            return f"{name} has values that are not numbers"
    return None


def read(content: bytes) -> dict[str, np.ndarray]:
    """A safetensors file's tensors, read by its description alone."""
    end = 8 + int.from_bytes(content[:8], "little")
    tensors = {}
    for name, entry in json.loads(content[8:end]).items():
        if name != "__metadata__" and entry["dtype"] in KINDS:
            start, stop = (end + at for at in entry["data_offsets"])
            tensors[name] = np.frombuffer(content[start:stop], KINDS[entry["dtype"]]).reshape(entry["shape"])
        elif entry.get("dtype") == "BF16":
            start, stop = (end + at for at in entry["data_offsets"])
            wide = np.frombuffer(content[start:stop], "<u2").astype("<u4") << 16
            tensors[name] = wide.view("<f4").reshape(entry["shape"])
    return tensors


HARNESSES: dict[str, Harness] = {"hostile adapter files by hand": by_hand, "hostile adapter files mutated": mutated}
