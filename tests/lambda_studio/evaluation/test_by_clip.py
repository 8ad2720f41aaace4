"""CLIP-I and CLIP-T are cosines of the embeddings that the stack itself uses."""

import torch
import torch.nn.functional as F
from PIL import Image

from lambda_studio.evaluation.by_clip import ClipComposition, ClipLikeness
from lambda_studio.evaluation.measures import View
from lambda_studio.pictures.crops import cut_out, square_crop


def test_a_picture_is_like_itself_and_less_like_another(stack, noise) -> None:
    one, other = ClipLikeness(stack).embed([View(noise(1), "dog"), View(noise(2), "dog")])
    assert torch.allclose(one @ one, torch.tensor(1.0))
    assert one @ other < 0.999


def test_whole_pictures_are_embedded_as_training_sees_them_and_cut_outs_as_prompts_do(stack, noise) -> None:
    mask = Image.new("L", (48, 40))
    mask.paste(255, (8, 8, 24, 24))
    clip = stack.clip(("vision",))
    view = View(noise(1), "dog", mask)
    whole = clip.encode_images([square_crop(noise(1), clip.image_size)])
    cut = clip.encode_images([cut_out(noise(1), mask, clip.image_size)])
    assert torch.allclose(ClipLikeness(stack).embed([view]), F.normalize(whole, dim=-1))
    assert torch.allclose(ClipLikeness(stack, cut_outs=True).embed([view]), F.normalize(cut, dim=-1))
    assert (ClipLikeness(stack).name, ClipLikeness(stack, cut_outs=True).name) == ("CLIP-I", "CLIP-I of cut-outs")


def test_clip_t_is_the_cosine_of_a_picture_and_its_own_prompt(stack, noise) -> None:
    clip = stack.clip(("text", "vision"))
    texts = ["a dog on the cat", "a hat", "a dog on the cat"]
    pictures = [noise(seed) for seed in range(3)]
    embeds = clip.encode_images([square_crop(picture, clip.image_size) for picture in pictures])
    pooled = clip.encode_text(clip.tokenizer(texts)).pooled
    scores = ClipComposition(stack).score(pictures, texts)
    assert torch.allclose(scores, F.cosine_similarity(embeds, pooled), atol=1e-6)


def test_a_prompt_is_encoded_once(stack, noise, monkeypatch) -> None:
    judge, asked = ClipComposition(stack), []
    encode = type(stack.clip()).encode_text
    monkeypatch.setattr(
        type(stack.clip()), "encode_text", lambda clip, ids: asked.append(len(ids)) or encode(clip, ids)
    )
    first = judge.score([noise(1), noise(1)], ["a dog", "a dog"])
    assert torch.allclose(judge.score([noise(1)], ["a dog"]), first[:1], atol=1e-6)
    assert asked == [1]
