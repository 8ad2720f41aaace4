"""What CLIP is shown while it is trained: right captions, nearly right ones, and questions about looks."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from lambda_studio.miniature.judge.oracle import Oracle, owners
from lambda_studio.miniature.judge.questions import Readout, questions
from lambda_studio.miniature.recipe.corpus import build_corpus
from lambda_studio.miniature.recipe.networks import DIM, build_clip
from lambda_studio.miniature.recipe.stages.ahead import Ahead
from lambda_studio.miniature.recipe.stages.clip import ALTERED, _altered, _Batching, _pooled, clip_stage
from lambda_studio.miniature.world.identities import NOTHING
from lambda_studio.miniature.world.rendering import render
from lambda_studio.miniature.world.scenes import scenes
from lambda_studio.miniature.world.seeding import seeded
from lambda_studio.models.clip.clip import Clip, load_clip


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Clip:
    folder = tmp_path_factory.mktemp("clip")
    torch.manual_seed(0)
    save_file(build_clip(folder).state_dict(), folder / "open_clip_model.safetensors")
    return load_clip(f"local-dir:{folder}")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return build_corpus(tmp_path_factory.mktemp("corpus"), 64, seed=5)


def test_texts_are_pooled_as_open_clip_pools_them(clip):
    tokens = clip.tokenizer(["a red dog wearing a hat", "a cat", "a stuffed animal and two-tone boats on the moon"])
    with torch.no_grad():
        assert torch.allclose(_pooled(clip.model, tokens), clip.model.encode_text(tokens), atol=1e-5)


def test_an_altered_scene_differs_in_one_thing_about_one_subject():
    scene = scenes(200, seeded(1, "scenes"))
    other = _altered(scene, seeded(2, "altered"))
    differences = torch.zeros(200, dtype=torch.int64)
    seen = set()
    for name in ALTERED:
        before, after = (
            s.place[:, None] if name == "place" else getattr(s, name, getattr(s.who, name, None))
            for s in (scene, other)
        )
        changed = (before != after).reshape(200, -1).sum(1)
        differences += changed
        if changed.any():
            seen.add(name)
    assert seen == set(ALTERED)
    assert differences.max() == 1
    assert (differences == 1).float().mean() > 0.9, "only things that lie on the ground may stay as they are"
    assert ((scene.who.noun == NOTHING) == (other.who.noun == NOTHING)).all()
    assert not ((other.worn != NOTHING) & (other.who.noun == NOTHING)).any()


def test_altered_captions_are_wrong_in_something_that_is_said(clip, corpus):
    batch = _Batching(corpus.folder, clip.files.tokenizer, 3, 64, 1.0, "canny")(0)
    assert batch.images.shape == (64, 64, 64, 3) and len(batch.words) == 64 and len(batch.wrong) == 32
    differ = [(a, b) for a, b in zip(batch.words, batch.wrong, strict=False) if a != b]
    assert len(differ) > 12
    assert any(word.endswith("on a white background") for word in batch.words)
    assert all(a.startswith("the edges of ") == b.startswith("the edges of ") for a, b in differ)


def test_looks_are_asked_of_what_each_picture_shows(clip, corpus):
    batch = _Batching(corpus.folder, clip.files.tokenizer, 3, 64, 1.0, "canny")(0)
    assert len(batch.coloured) == len(batch.shown) < 64
    white = torch.from_numpy((batch.images == 255).mean((1, 2, 3)) > 0.2)
    lines = torch.tensor([words.startswith("the edges of ") for words in batch.words])
    assert lines.nonzero()[:, 0].equal(batch.lines)
    assert not lines[batch.coloured].any() and lines.sum() == 64 - len(batch.coloured) > 0
    cut = torch.tensor([words.endswith("on a white background") for words in batch.words])[batch.coloured]
    assert white[batch.coloured][cut].float().mean() > 0.9
    shown = batch.shown
    assert (shown.who.noun[cut, 1:] == NOTHING).all() and (shown.worn[cut] == NOTHING).all()
    assert torch.equal(shown[~cut].place, corpus.scene[batch.rows[batch.coloured[~cut]]].place)


def test_clips_loss_falls_on_a_batch_that_it_sees_again(clip, corpus):
    torch.manual_seed(1)
    readout, oracle = Readout(DIM), Oracle()
    oracle.tower = nn.Identity()
    owner = owners(render(corpus.scene), corpus.scene).byte()
    loss_of = clip_stage(clip, readout, oracle, corpus, owner, seed=1, batch_size=16)
    clip.model.train().requires_grad_(True)
    trained = [*clip.model.parameters(), *readout.parameters()]
    trained += [p for name, p in oracle.named_parameters() if not name.startswith("identity")]
    optimizer, seen = torch.optim.AdamW(trained, lr=1e-3), []
    for _ in range(12):
        losses = loss_of(0)
        losses["loss"].backward()
        seen.append({name: float(value.detach()) for name, value in losses.items()})
        assert all(p.grad is not None for p in trained)
        optimizer.step()
        optimizer.zero_grad()
    for name in ("contrast", "looks", "position", "maps"):
        assert seen[-1][name] < 0.7 * seen[0][name], name
    assert seen[-1]["top1"] > seen[0]["top1"] and seen[-1]["main"] > seen[0]["main"]


def test_positions_are_asked_of_scenes_and_of_their_edges_but_not_of_cut_outs(clip, corpus, monkeypatch):
    asked = []

    def position(readout, image_embeds, noun):
        asked.append(noun.tolist())
        return torch.zeros(len(noun), 2)

    monkeypatch.setattr(Readout, "position", position)
    oracle = Oracle()
    oracle.tower = nn.Identity()
    clip_stage(clip, Readout(DIM), oracle, corpus, owners(render(corpus.scene), corpus.scene).byte(), 3, 64)(0)
    batch = _Batching(corpus.folder, clip.files.tokenizer, 3, 64, 0.65, "canny")(0)
    placed = torch.cat([batch.scenes, batch.lines])
    assert len(batch.lines) > 0
    assert asked == [questions(corpus.scene[batch.rows[placed]]).noun.tolist()]


def test_batches_that_are_prepared_ahead_are_the_same(clip, corpus):
    made, copied = (_Batching(corpus.folder, clip.files.tokenizer, 3, 8, 0.65, "canny") for _ in range(2))
    ahead = Ahead(copied, 1)
    for step in (0, 1, 4):
        here, there = made(step), ahead(step)
        assert np.array_equal(there.images, here.images) and there.token_ids.equal(here.token_ids)
        assert there.words == here.words and there.shown.x.equal(here.shown.x)
