"""What the recipe's stages show their models, and the oracle's own losses."""

import pytest
import torch

from lambda_studio.miniature.judge.oracle import (
    GRID,
    PER_NOUN,
    Oracle,
    Reading,
    identity_loss,
    identity_of,
    oracle_loss,
    owners,
)
from lambda_studio.miniature.judge.reader import ANSWERS, Reader
from lambda_studio.miniature.recipe.corpus import build_corpus
from lambda_studio.miniature.recipe.networks import build_movq, build_scheduler, build_unet
from lambda_studio.miniature.recipe.stages import NOISIEST_WEIGHT, decoder_stage, focus, movq_stage, oracle_stage
from lambda_studio.miniature.world.scenes import (
    NOTHING,
    NOUNS,
    RELATIONS,
    SLOTS,
    Scene,
    concatenate,
    identities,
    in_every_slot,
    render,
    scenes,
)
from lambda_studio.miniature.world.seeding import seeded


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return build_corpus(tmp_path_factory.mktemp("corpus"), 64, seed=5)


class Perfect(Oracle):
    """An oracle that was told the truth about the pictures it will be shown, and errs where `wrong` says so."""

    def __init__(self, scene: Scene, wrong: tuple[str, ...] = ()):
        super().__init__(width=4, dim=24)
        self.reading = _truth(scene, wrong)

    def forward(self, images: torch.Tensor) -> Reading:
        return self.reading


def _truth(scene: Scene, wrong: tuple[str, ...] = ()) -> Reading:
    nouns = {name: torch.zeros(len(scene), len(NOUNS), count) for name, count in PER_NOUN.items()}
    place = torch.zeros(len(scene), 8)
    place[torch.arange(len(scene)), (scene.place + ("place" in wrong)) % 8] = 9.0
    nouns["present"] -= 9.0
    for row in range(len(scene)):
        for slot, noun in enumerate(scene.who.noun[row].tolist()):
            if noun != NOTHING:
                nouns["present"][row, (noun + 1) % 12 if "noun" in wrong else noun] = 9.0
                truth = {name: getattr(scene.who, name)[row, slot] for name in ("main", "second", "pattern")}
                truth |= {"worn": scene.worn[row, slot] + 1, "worn_colour": scene.worn_colour[row, slot]}
                for name, value in truth.items():
                    nouns[name][row, noun, (value + (name in wrong)) % PER_NOUN[name]] = 9.0
    identity = torch.nn.functional.one_hot(torch.arange(len(NOUNS)), 64).float()
    cells = 20.0 * torch.nn.functional.one_hot(_owners(scene), len(NOUNS) + 1)
    return Reading(place, nouns, identity.expand(len(scene), -1, -1).clone(), cells)


def _owners(scene: Scene) -> torch.Tensor:
    drawn = render(scene)
    return owners(drawn, scene)


def _alone(count: int, seed: int) -> Scene:
    rows = torch.zeros(count, dtype=torch.int64)
    return scenes(count, seeded(seed, "alone"), relation=rows, things_share=0.0, worn_share=0.5)


def test_focus_is_on_subjects_and_most_on_what_they_wear():
    scene = _alone(40, seed=13)
    drawn = render(scene)
    weight = focus(drawn)
    assert weight.shape == (40, 16, 16)
    assert weight.mean((1, 2)).allclose(torch.ones(40))
    shown = {
        "nobody": 1 - (drawn.subjects + drawn.worn).sum(1), "subject": drawn.subjects.sum(1), "worn": drawn.worn.sum(1)
    }  # fmt: skip
    cells = {name: torch.nn.functional.avg_pool2d(seen[:, None], 4)[:, 0] > 0.99 for name, seen in shown.items()}
    for row in (scene.worn[:, 0] != NOTHING).nonzero()[:, 0].tolist():
        of = {name: weight[row][where[row]] for name, where in cells.items() if where[row].any()}
        assert of["subject"].allclose(4 * of["nobody"][0], rtol=0.01)
        assert "worn" not in of or of["worn"].allclose(7 * of["nobody"][0], rtol=0.01)
    assert cells["worn"].any()


class _KnowsTheNoise(torch.nn.Module):
    """Takes the UNet's place; remembers what it was asked, and answers zero everywhere."""

    def forward(self, noisy, timesteps, states, added_cond_kwargs, return_dict):
        self.noisy, self.timesteps, self.image_embeds = noisy, timesteps, added_cond_kwargs["image_embeds"]
        return (torch.zeros(len(noisy), 8, 16, 16),)


def _decoder_losses(weights: torch.Tensor, step: int = 0, unconditional: float = 0.1):
    unet, alone = _KnowsTheNoise(), torch.arange(20) < 5
    embeds = torch.arange(20.0)[:, None].expand(20, 256) + 1
    loss_of = decoder_stage(
        unet, torch.zeros(20, 4, 16, 16), embeds, torch.zeros(256), weights, alone, 3, 512, unconditional
    )
    return loss_of(step), unet


def test_the_decoders_error_counts_where_the_weights_say():
    even, _ = _decoder_losses(torch.ones(20, 16, 16))
    assert even["loss"] > even["error"] > 0
    nowhere, _ = _decoder_losses(torch.zeros(20, 16, 16))
    assert nowhere["loss"] == 0 and nowhere["error"] == even["error"]
    top = torch.zeros(20, 16, 16)
    top[:, :8] = 2
    assert _decoder_losses(top)[0]["loss"] == pytest.approx(float(even["loss"]), rel=0.05)


def test_where_there_is_more_noise_than_picture_the_decoders_error_is_the_pictures():
    losses, unet = _decoder_losses(torch.ones(20, 16, 16))
    kept = build_scheduler().alphas_cumprod[unet.timesteps]
    noisiness = (1 - kept) / kept
    assert noisiness.min() < 1 < NOISIEST_WEIGHT < noisiness.max(), "clear and noisy ones were drawn"
    # its answer is no noise at all, so that each picture's error is 1
    assert losses["loss"] == pytest.approx(float(noisiness.clamp(1, NOISIEST_WEIGHT).mean()), rel=0.02)


def test_the_decoder_sees_subjects_alone_and_in_company_and_a_tenth_without_a_picture():
    _, unet = _decoder_losses(torch.ones(20, 16, 16))
    nothing = unet.image_embeds[:, 0] == 0
    assert 0.05 < nothing.float().mean() < 0.16
    alone = unet.image_embeds[:, 0] <= 5
    assert alone[::2].all(), "half are chosen alone"
    assert not alone[1::2][~nothing[1::2]].any(), "and half in company"
    middling = ((unet.timesteps > 250) & (unet.timesteps < 750)).float().mean()
    assert 0.56 < middling < 0.70, "evenly drawn, half of the timesteps would lie there"


@pytest.mark.parametrize("step, shape", [(0, (8, 3, 32, 32)), (1, (2, 3, 64, 64))])
def test_movq_sees_crops_first_and_whole_pictures_later(corpus, step, shape, monkeypatch):
    movq, seen = build_movq(), []
    encode = movq.encode
    monkeypatch.setattr(movq, "encode", lambda x: seen.append(x.shape) or encode(x))
    losses = movq_stage(movq, corpus, torch.ones(len(corpus), 16, 16), seed=2, batch_size=8, whole_from=1)(step)
    assert seen == [shape]
    losses["loss"].backward()
    assert all(p.grad is not None for name, p in movq.named_parameters() if p.requires_grad), "all of it is trained"


def test_movqs_error_counts_where_the_weights_say(corpus):
    torch.manual_seed(0)
    movq, top = build_movq(), torch.zeros(len(corpus), 16, 16)
    top[:, :8] = 1
    nowhere, above, below, everywhere = (
        movq_stage(movq, corpus, weights, seed=2, batch_size=8, whole_from=0)(0)
        for weights in (torch.zeros_like(top), top, 1 - top, torch.ones_like(top))
    )
    assert nowhere["psnr"] == above["psnr"] == everywhere["psnr"]
    above, below, everywhere = ((each["loss"] - nowhere["loss"]).item() for each in (above, below, everywhere))
    assert above > 0 and below > 0 and above + below == pytest.approx(everywhere, rel=1e-4)


def test_the_decoders_stage_trains_every_part_that_it_uses():
    torch.manual_seed(0)
    unet = build_unet()
    latents, alone = torch.randn(4, 4, 16, 16), torch.arange(4) < 2
    loss_of = decoder_stage(unet, latents, torch.randn(4, 256), torch.zeros(256), torch.ones(4, 16, 16), alone, 3, 4)
    loss_of(0)["loss"].backward()
    idle = [name for name, p in unet.named_parameters() if p.grad is None]
    assert idle == []


def test_an_oracle_that_knows_the_truth_loses_nothing():
    scene = scenes(64, seeded(4, "truth"))
    owner = _owners(scene)
    right, wrong = (oracle_loss(_truth(scene, answers), scene, owner) for answers in ((), ("main",)))
    assert right < 0.1 < 5 < wrong


def test_a_cell_belongs_to_whom_it_mostly_shows():
    scene = _alone(12, seed=12)
    owner = _owners(scene)
    assert owner.shape == (12, GRID**2)
    corner = owner[:, 0]
    assert (corner == len(NOUNS)).all(), "nobody stands in the sky's corner"
    for row in range(12):
        assert set(owner[row].tolist()) == {int(scene.who.noun[row, 0]), len(NOUNS)}


def test_the_oracle_is_not_asked_about_a_noun_that_is_there_twice():
    two = torch.full((8,), RELATIONS.index("beside"))
    scene = scenes(8, seeded(5, "twins"), who=in_every_slot(identities(8, seeded(5, "who"), False)), relation=two)
    reading = _truth(scene, ("main", "second", "pattern", "worn", "worn_colour"))
    assert oracle_loss(reading, scene, _owners(scene)) < 0.1
    assert oracle_loss(_truth(scene, ("place",)), scene, _owners(scene)) > 5


def test_identities_are_told_apart_both_ways():
    first = torch.nn.functional.normalize(torch.randn(8, 16, generator=seeded(6, "x")), dim=-1)
    assert identity_loss(first, first) < identity_loss(first, first.roll(1, 0))
    logits = first @ first.roll(1, 0).T / 0.1
    by_hand = (-logits.log_softmax(1).diagonal().mean() - logits.log_softmax(0).diagonal().mean()) / 2
    assert torch.allclose(identity_loss(first, first.roll(1, 0)), by_hand, atol=1e-5)


def test_the_oracles_stage_trains_every_part_of_it():
    torch.manual_seed(0)
    oracle = Oracle(width=8, dim=48)
    losses = oracle_stage(oracle, seed=1, batch_size=16)(0)
    losses["loss"].backward()
    assert all(p.grad is not None for p in oracle.parameters())
    assert oracle(torch.rand(2, 3, 64, 64)).identity.norm(dim=-1).allclose(torch.ones(2, len(NOUNS)))


@pytest.mark.parametrize("answer", ANSWERS)
def test_the_reader_marks_exactly_what_is_wrong(answer):
    scene = _alone(48, seed=7)
    images = torch.zeros(48, 3, 64, 64)
    marks = Reader(Perfect(scene)).mark(images, scene)
    assert [marks.share(name) for name in ANSWERS] == [1.0] * len(ANSWERS)
    assert marks.every(*ANSWERS) == 1.0
    marks = Reader(Perfect(scene, (answer,))).mark(images, scene)
    assert {name for name in ANSWERS if marks.share(name) < 1} == {answer}
    assert marks.share(answer) == 0.0


def test_the_reader_asks_about_everyone_who_is_there():
    two = torch.full((24,), RELATIONS.index("beside"))
    scene = scenes(24, seeded(8, "two"), relation=two)
    marks = Reader(Perfect(scene)).mark(torch.zeros(24, 3, 64, 64), scene)
    asked = {name: ~chances.isnan() for name, chances in marks.probability.items()}
    assert (asked["noun"] == (scene.who.noun != NOTHING)).all()
    assert (asked["worn"] == (scene.worn != NOTHING)).all()
    assert asked["place"].shape == (24, 1) and asked["place"].all()
    half = Reader(Perfect(_swapped(scene))).mark(torch.zeros(24, 3, 64, 64), scene)
    assert half.share("noun") == pytest.approx(0.5, abs=0.1), "one of the two nouns is missing"
    assert half.every("noun") < 0.2


def _swapped(scene: Scene) -> Scene:
    noun = scene.who.noun.clone()
    noun[:, 0] = (noun[:, 0] + 1) % 12
    who = type(scene.who)(**{**vars(scene.who), "noun": noun})
    return Scene(**{**vars(scene), "who": who})


def test_likeness_compares_each_subject_with_its_own_references():
    scene = _alone(8, seed=9)
    marks = Reader(Perfect(scene)).mark(torch.zeros(8, 3, 64, 64), scene)
    assert marks.likeness(marks.identity) == pytest.approx(1.0)
    assert marks.likeness(-marks.identity) == pytest.approx(-1.0)
    first = identity_of(_truth(scene), scene.who.noun[:, 0])
    assert torch.equal(first, marks.identity[:, 0])


def test_scenes_are_put_one_after_the_other():
    first, second = _alone(3, seed=10), _alone(2, seed=11)
    whole = concatenate([first, second])
    assert len(whole) == 5 and whole.who.noun.shape == (5, SLOTS)
    assert torch.equal(render(whole[3:]).images, render(second).images)
