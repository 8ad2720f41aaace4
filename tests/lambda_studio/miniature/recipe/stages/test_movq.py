"""What MoVQ's stage shows MoVQ, and the weights that it trains."""

import pytest
import torch
import torch.nn.functional as F

from lambda_studio.miniature.recipe.networks import build_movq
from lambda_studio.miniature.recipe.stages import movq as stage
from lambda_studio.miniature.recipe.stages.movq import Drawing, _ThereAndBack, encoded, focus, movq_stage
from lambda_studio.miniature.world.identities import NOTHING
from lambda_studio.miniature.world.rendering import PIXELS, render
from tests.lambda_studio.miniature.judge.perfect import alone


def test_focus_is_on_subjects_and_most_on_what_they_wear():
    scene = alone(40, seed=13)
    drawn = render(scene)
    weight = focus(drawn)
    assert weight.shape == (40, 16, 16)
    assert weight.mean((1, 2)).allclose(torch.ones(40))
    shown = {
        "nobody": 1 - (drawn.subjects + drawn.worn).sum(1), "subject": drawn.subjects.sum(1), "worn": drawn.worn.sum(1)
    }  # fmt: skip
    cells = {name: F.avg_pool2d(seen[:, None], PIXELS // 16)[:, 0] > 0.99 for name, seen in shown.items()}
    for row in (scene.worn[:, 0] != NOTHING).nonzero()[:, 0].tolist():
        of = {name: weight[row][where[row]] for name, where in cells.items() if where[row].any()}
        assert of["subject"].allclose(4 * of["nobody"][0], rtol=0.01)
        assert "worn" not in of or of["worn"].allclose(7 * of["nobody"][0], rtol=0.01)
    assert cells["worn"].any()


def test_an_eighth_of_the_pictures_are_cut_outs_that_count_alike_everywhere():
    [(images, weights), (others, _)] = Drawing(3, 8, "movq")([0, 1], torch.device("cpu"))
    assert images.shape == others.shape == (8, 3, PIXELS, PIXELS) and weights.shape == (8, 16, 16)
    assert weights[0].eq(1).all() and weights[1:].mean((1, 2)).allclose(torch.ones(7))
    corners = images[:, :, :: PIXELS - 1, :: PIXELS - 1]
    assert corners[0].eq(1).all(), "a cut-out is on white"
    assert not torch.equal(images, others), "each step has pictures of its own"


def test_the_pictures_of_a_step_do_not_depend_on_how_many_are_drawn_at_once():
    drawing = Drawing(3, 8, "movq")
    several, [alone_] = drawing([4, 5, 6], torch.device("cpu")), drawing([5], torch.device("cpu"))
    assert all(torch.equal(a, b) for a, b in zip(several[1], alone_, strict=True))


def test_movqs_outputs_are_those_of_its_own_encode_and_decode():
    torch.manual_seed(0)
    movq = build_movq()
    images, noise = torch.rand(2, 3, 64, 64), torch.randn(2, 4, 8, 8)
    latents, output = _ThereAndBack(movq)(images, noise)
    assert torch.equal(latents, movq.encode(images).latents)
    assert torch.equal(output, movq.decode(latents + noise, force_not_quantize=True).sample)
    known = torch.randn(2, 4, 8, 8)
    latents, output = _ThereAndBack(movq)(images, noise, known)
    assert torch.equal(latents, movq.encode(images).latents), "they are compared with the known ones"
    assert torch.equal(output, movq.decode(known + noise, force_not_quantize=True).sample)


def test_all_of_movq_is_trained_on_whole_pictures():
    movq, shapes = build_movq(), []
    encode = movq.encode
    movq.encode = lambda x: shapes.append(x.shape) or encode(x)
    movq_stage(movq, seed=2, batch_size=2)(0)["loss"].backward()
    assert shapes == [(2, 3, PIXELS, PIXELS)]
    assert all(p.grad is not None for name, p in movq.named_parameters() if p.requires_grad)


def test_what_requires_no_gradient_stays_as_it_is():
    torch.manual_seed(0)
    movq = build_movq()
    movq.requires_grad_(False)
    movq.decoder.requires_grad_(True)
    before = {name: value.clone() for name, value in movq.state_dict().items()}
    loss_of = movq_stage(movq, seed=2, batch_size=2)
    optimizer = torch.optim.AdamW([p for p in movq.parameters() if p.requires_grad], lr=1e-3)
    for step in range(2):
        loss_of(step)["loss"].backward()
        optimizer.step()
    changed = {name for name, value in movq.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {name for name in before if name.startswith("decoder.")}


def test_movq_learns_the_latents_of_the_one_that_it_grew_from():
    torch.manual_seed(0)
    movq, former = build_movq(), build_movq()
    loss_of = movq_stage(movq, seed=2, batch_size=2, former=former)
    assert loss_of(0)["latents"] > 0.01
    movq.load_state_dict(former.state_dict())
    assert loss_of(0)["latents"] < 1e-6, "its latents are the former's now"
    loss_of(0)["loss"].backward()
    assert all(p.grad is None for p in former.parameters())


def test_pictures_are_shrunk_to_the_side_that_a_movq_encodes():
    torch.manual_seed(0)
    movq, images = build_movq(), torch.rand(1, 3, 2 * PIXELS, 2 * PIXELS)
    assert torch.equal(encoded(movq, images), movq.encode(F.avg_pool2d(images, 2)).latents)


def test_movqs_error_counts_where_the_weights_say(monkeypatch):
    torch.manual_seed(0)
    movq, top, draw = build_movq(), torch.zeros(2, 16, 16), Drawing(2, 2, "movq")
    top[:, :8] = 1

    def loss(weight):
        def drawing(seed, size, stage):
            return lambda steps, device: [(draw(steps, device)[0][0], weight)]

        monkeypatch.setattr(stage, "Drawing", drawing)
        return movq_stage(movq, seed=2, batch_size=2)(0)

    nowhere, above, below, everywhere = (loss(each) for each in (torch.zeros_like(top), top, 1 - top, top * 0 + 1))
    assert nowhere["psnr"] == above["psnr"] == everywhere["psnr"]
    above, below, everywhere = ((each["loss"] - nowhere["loss"]).item() for each in (above, below, everywhere))
    assert above > 0 and below > 0 and above + below == pytest.approx(everywhere, rel=1e-4)
