"""Adapters that are made of others, against the weights that the others make together."""

from itertools import combinations

import pytest
import torch
from safetensors.torch import load_file

from lambda_studio.errors import ModelFilesInvalid
from lambda_studio.models.adapters import derived
from lambda_studio.models.adapters.adapter import ScaledFile, adapted
from lambda_studio.models.adapters.derived import SourceAdapter, combined, extracted, save_derived
from lambda_studio.models.adapters.information import AdapterInfo, read_adapter_info
from lambda_studio.models.adapters.weights import open_weights
from lambda_studio.models.decoders.kandinsky import load_decoder
from lambda_studio.models.files.tensors import StoredTensors
from tests.lambda_studio.models.adapters.kinds import KINDS, weights, write_kind


@pytest.fixture
def base(decoder_folder):
    return StoredTensors(decoder_folder / "unet/diffusion_pytorch_model.safetensors")


@pytest.fixture
def source(decoder_folder, base, tmp_path):
    """Open a new adapter of a kind."""

    def opened(kind: str, factor: float = 1.0, seed: int = 0):
        path = write_kind(decoder_folder, kind, tmp_path / f"{kind}{seed}.safetensors", seed)
        info = read_adapter_info(path)
        return SourceAdapter(open_weights(path, info, base.shapes), info, factor)

    return opened


@pytest.fixture
def saved(decoder_folder, tmp_path):
    """Write a made adapter, and give its file."""

    def save(made):
        info = AdapterInfo(
            made.method, made.rank, "tiny", load_decoder(decoder_folder).fingerprints["unet"], (), {},
            use_dora=made.use_dora, targets=made.targets,
        )  # fmt: skip
        written = []
        sha = save_derived(made, info, tmp_path, lambda: written.append(1))
        assert len(written) == len(made.slots)
        return tmp_path / f"{sha}.safetensors"

    return save


@pytest.fixture
def with_adapters(decoder_folder):
    def applied(*adapters: ScaledFile):
        decoder = load_decoder(decoder_folder)
        with adapted(decoder, adapters):
            return weights(decoder.unet)

    return applied


def close(found, expected, atol=2e-5) -> None:
    for name, weight in found.items():
        torch.testing.assert_close(weight, expected[name], rtol=0, atol=atol, msg=lambda said, name=name: name + said)


@pytest.mark.parametrize("kinds", [*combinations(KINDS, 2), ("lora", "lora"), ("full", "full")])
def test_a_sum_draws_as_all_together(source, saved, with_adapters, base, kinds) -> None:
    one, two = source(kinds[0], 0.8, 1), source(kinds[1], -0.5, 2)
    made = combined([one, two], base)
    full = "full" in kinds
    assert made.method == ("full" if full else "lora")
    assert made.rank == (0 if full else one.info.rank + two.info.rank)
    assert made.use_dora == (not full and any("dora" in kind for kind in kinds))
    together = with_adapters(*(ScaledFile(each.weights.path, each.factor) for each in (one, two)))
    close(with_adapters(ScaledFile(saved(made))), together)


@pytest.mark.parametrize("kind", KINDS)
def test_a_scaled_adapter_is_of_its_kind(source, saved, with_adapters, base, kind) -> None:
    given = source(kind, 0.8)
    made = combined([given], base)
    info = given.info
    assert (made.method, made.use_dora, made.targets) == (info.method, info.use_dora, info.targets)
    close(with_adapters(ScaledFile(saved(made))), with_adapters(ScaledFile(given.weights.path, 0.8)))


def test_a_scale_of_one_keeps_a_plain_lora_to_the_bit(source, saved, base) -> None:
    given = source("lora")
    ours, theirs = load_file(saved(combined([given], base))), load_file(given.weights.path)
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in theirs)


@pytest.mark.parametrize("kind", KINDS)
def test_an_extract_is_the_nearest_of_its_rank_in_each_layer_and_says_how_near(
    source, saved, with_adapters, base, kind
) -> None:
    given, counted = source(kind), []
    made = extracted(given, base, 1, lambda: counted.append(1))
    assert len(counted) == len(given.weights.names)
    assert (made.method, made.rank, made.use_dora) == ("lora", 1, False)
    whole, found = with_adapters(ScaledFile(given.weights.path)), with_adapters(ScaledFile(saved(made)))
    lost = total = 0.0
    for name, weight in base.items():
        change = (whole[name] - weight).flatten(1).double() if weight.dim() > 1 else (whole[name] - weight).double()
        total += float(change.square().sum())
        if torch.equal(found[name], weight):
            lost += float(change.square().sum())
            continue
        best = torch.linalg.svdvals(change)
        off = float((found[name] - whole[name]).double().square().sum())
        assert abs(off - float(best[1:].square().sum())) < 1e-4 * total
        lost += off
    assert abs(made.kept - (1 - lost / total) ** 0.5) < 1e-3
    assert 0.1 < made.kept < 1


def test_an_extract_of_the_whole_rank_keeps_all_of_a_lora(source, saved, with_adapters, base) -> None:
    given = source("scaled lora")
    made = extracted(given, base, 3, lambda: None)
    assert abs(made.kept - 1) < 1e-6
    close(with_adapters(ScaledFile(saved(made))), with_adapters(ScaledFile(given.weights.path)))


def test_a_full_unet_is_written_one_weight_after_the_other(source, saved, base, monkeypatch) -> None:
    held: list[int] = []
    summed = derived.summed
    monkeypatch.setattr(derived, "summed", lambda *given: held.append(1) or summed(*given))
    made = combined([source("full", 0.5, 1), source("lora", 1.0, 2)], base)
    assert held == [], "nothing is computed before it is written"
    saved(made)
    assert len(held) == len(base)


def test_a_sum_that_overflows_is_refused_and_nothing_stays(source, saved, base, tmp_path) -> None:
    made = combined([source("lora", 1e39)], base)
    with pytest.raises(ModelFilesInvalid, match="has NaN or infinite values"):
        saved(made)
    assert [path.name for path in tmp_path.iterdir()] == ["lora0.safetensors"]
