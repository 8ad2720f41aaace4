"""Compare our fine-tuning with the plain loop of the official script, on the same model in the same process.

The plain loop encodes each picture with MoVQ and CLIP at every step. Ours reads a table of constants and uses fused
AdamW. The two alternate round by round, so that other load on the machine affects both. The output is ratios.

    python benchmarks/finetune_speed.py                    # random weights of the miniature's size, no files
    python benchmarks/finetune_speed.py --stack miniature  # a stack's own weights
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F
from measured import add_record_option, over_seeds, record
from PIL import Image

from lambda_studio.config import FinetuneConfig
from lambda_studio.models.adapter import lora_parameters, remove_lora
from lambda_studio.models.clip import Clip, load_clip
from lambda_studio.models.decoders.kandinsky import KandinskyDecoder as Decoder
from lambda_studio.models.decoders.kandinsky import load_decoder
from lambda_studio.models.stack import Stack, resolve_stack
from lambda_studio.pictures.crops import square_crop
from lambda_studio.training.examples import encode_examples
from lambda_studio.training.finetuning import finetune_decoder

DIM = 256
CLIP_CONFIG: dict[str, Any] = {
    "model_cfg": {
        "embed_dim": DIM,
        "vision_cfg": {"image_size": 64, "layers": 6, "width": 256, "head_width": 64, "patch_size": 16},
        "text_cfg": {"context_length": 32, "vocab_size": 49408, "width": DIM, "heads": 4, "layers": 1},
    },
    "preprocess_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
}
UNET_CONFIG: dict[str, Any] = {
    "sample_size": 16,
    "in_channels": 4,
    "out_channels": 8,
    "block_out_channels": (64, 128, 192),
    "layers_per_block": 1,
    "norm_num_groups": 16,
    "down_block_types": ("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D", "SimpleCrossAttnDownBlock2D"),
    "mid_block_type": "UNetMidBlock2DSimpleCrossAttn",
    "up_block_types": ("SimpleCrossAttnUpBlock2D", "SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
    "attention_head_dim": 32,
    "cross_attention_dim": 128,
    "encoder_hid_dim": DIM,
    "encoder_hid_dim_type": "image_proj",
    "addition_embed_type": "image",
    "resnet_time_scale_shift": "scale_shift",
}
MOVQ_CONFIG: dict[str, Any] = {
    "block_out_channels": (32, 64, 96),
    "down_block_types": ("DownEncoderBlock2D", "DownEncoderBlock2D", "AttnDownEncoderBlock2D"),
    "up_block_types": ("AttnUpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"),
    "latent_channels": 4,
    "layers_per_block": 1,
    "norm_type": "spatial",
    "num_vq_embeddings": 1024,
    "vq_embed_dim": 4,
}


def random_models(folder: Path, device: str) -> tuple[Decoder, Clip]:
    """Return a decoder and a CLIP of the miniature's size with random weights."""
    import open_clip
    from diffusers import DDPMScheduler, KandinskyV22Pipeline, UNet2DConditionModel, VQModel
    from safetensors.torch import save_file

    torch.manual_seed(0)
    unet, movq = UNet2DConditionModel(**UNET_CONFIG), VQModel(**MOVQ_CONFIG)
    scheduler = DDPMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="linear")
    KandinskyV22Pipeline(unet=unet, movq=movq, scheduler=scheduler).save_pretrained(folder / "decoder")
    (folder / "clip").mkdir()
    save_file(
        open_clip.model.CLIP(**CLIP_CONFIG["model_cfg"]).state_dict(), folder / "clip/open_clip_model.safetensors"
    )
    (folder / "clip" / "open_clip_config.json").write_text(json.dumps(CLIP_CONFIG))
    decoder = load_decoder(folder / "decoder", device)
    return decoder, load_clip(f"local-dir:{folder / 'clip'}", device, towers=("vision",))


def stack_models(name: str, device: str) -> tuple[Decoder, Clip]:
    """Return the decoder and the CLIP of a stack, in float32."""
    stack = Stack(resolve_stack(name), device=device, dtype=torch.float32)
    return stack.decoder(), stack.clip(("vision",))


def random_pictures(count: int, side: int) -> list[Image.Image]:
    """Return pictures of smoothed noise."""
    generator = torch.Generator().manual_seed(1)
    small = torch.randint(256, (count, 8, 8, 3), generator=generator, dtype=torch.uint8)
    return [Image.fromarray(pixels.numpy()).resize((side, side)) for pixels in small]


def train_plainly(decoder: Decoder, clip: Clip, pictures: Sequence[Image.Image], resolution: int, steps: int) -> None:
    """Run the official script's loop in float32 with batch size 4: encode, add noise, predict, step."""
    unet = decoder.unet.requires_grad_(True).train()
    optimizer = torch.optim.AdamW(unet.parameters(), lr=1e-5, weight_decay=1e-2)
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        rows = torch.randint(len(pictures), (4,), generator=generator).tolist()
        crops = [square_crop(pictures[row], resolution) for row in rows]
        pixels = torch.stack([_pixels(crop) for crop in crops])
        latents = decoder.encode(pixels)
        image_embeds = clip.encode_images([square_crop(pictures[row], clip.image_size) for row in rows]).clone()
        noise = torch.randn_like(latents)
        timesteps = torch.randint(decoder.scheduler.config.num_train_timesteps, (4,), device=latents.device)
        noisy_latents = decoder.scheduler.add_noise(latents, noise, timesteps)
        loss = F.mse_loss(decoder.predict_noise(noisy_latents, timesteps, image_embeds)[:, :4], noise)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(unet.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        loss.item()


def _pixels(image: Image.Image) -> torch.Tensor:
    flat = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
    return flat.reshape(image.height, image.width, 3).permute(2, 0, 1) / 255


def seconds(decoder: Decoder, run: Any, *arguments: Any, **settings: Any) -> float:
    """Return the seconds that `run` takes. The UNet's weights are restored afterwards."""
    weights = deepcopy(decoder.unet.state_dict())
    began = time.perf_counter()
    run(decoder, *arguments, **settings)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    took = time.perf_counter() - began
    if lora_parameters(decoder.unet):
        remove_lora(decoder.unet)
    decoder.unet.load_state_dict(weights)
    return took


def main() -> None:
    """Run the benchmark and print the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stack", help="a stack's name or TOML file; without it: random weights")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pictures", type=int, default=12)
    add_record_option(parser)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        models = stack_models(asked.stack, asked.device) if asked.stack else random_models(folder, asked.device)
        compare(*models, asked, folder)


def compare(decoder: Decoder, clip: Clip, asked: argparse.Namespace, folder: Path) -> None:
    """Run rounds of the plain loop, our full fine-tuning and our LoRA, each from the same weights."""
    side = decoder.resolution
    pictures = random_pictures(asked.pictures, 2 * side)
    names = [f"concept {number % 3}" for number in range(asked.pictures)]
    began = time.perf_counter()
    examples = encode_examples(decoder, clip, names, list(map(str, range(asked.pictures))), pictures, side)
    encoding = time.perf_counter() - began
    train_plainly(decoder, clip, pictures, side, 1)  # warm-up
    took: dict[str, list[float]] = {"plain": [], "full": [], "lora": []}
    for number in range(asked.rounds):
        took["plain"].append(seconds(decoder, train_plainly, clip, pictures, side, asked.steps))
        for method in ("full", "lora"):
            config = FinetuneConfig(method=method, steps=asked.steps, checkpoint_every=asked.steps)
            took[method].append(seconds(decoder, finetune_decoder, examples, config, folder / f"{method}{number}"))
    report(took, encoding, asked)


def report(took: dict[str, list[float]], encoding: float, asked: argparse.Namespace) -> None:
    """Print the milliseconds per step (medians of the rounds), and the speed relative to the plain loop."""
    plain = median(took["plain"])
    print(
        f"{asked.rounds} rounds of {asked.steps} steps of 4 pictures, {asked.device}; encoding once: {encoding:.2f} s"
    )
    print("(ours includes its log, its loss picture and one checkpoint)")
    for name, times in took.items():
        label = {"plain": "plain loop, full", "full": "ours, full", "lora": "ours, LoRA 16"}[name]
        each = 1000 * median(times) / asked.steps
        print(f"{label:18}{each:9.1f} ms a step   {plain / median(times):5.2f} x the plain loop's speed")
    if asked.record:
        speeds = {name: over_seeds([1000 * each / asked.steps for each in times]) for name, times in took.items()}
        record(f"finetune-speed-{asked.stack or 'random'}", "milliseconds a step", speeds)


if __name__ == "__main__":
    main()
