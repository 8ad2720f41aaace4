"""Compare the time of a forward and backward pass of the miniature's UNet under LoRAs of several shapes, on one core.

python benchmarks/experiments/lora_steps.py [--rounds 4]

Each round measures every shape, and its ratio to the plain LoRA of the same round. The medians are printed.
"""

import argparse
import time
from pathlib import Path
from statistics import median

import torch

import lambda_studio.miniature
from lambda_studio.models.adapters.lora.attaching import add_lora, remove_lora
from lambda_studio.models.adapters.lora.shape import LoraShape
from lambda_studio.models.decoders.kandinsky import KandinskyDecoder, load_decoder

DECODER = Path(lambda_studio.miniature.__path__[0]) / "weights" / "decoder"
SHAPES = {
    "plain": LoraShape(32),
    "--lora-dropout 0.1": LoraShape(32, lora_dropout=0.1),
    "--dora": LoraShape(32, use_dora=True),
    "--targets image": LoraShape(32, targets="image"),
    "--targets attention-and-convolutions": LoraShape(32, targets="attention-and-convolutions"),
}
PASSES = 5


def seconds(decoder: KandinskyDecoder, shape: LoraShape) -> float:
    """Return the processor's seconds for one pass with a batch of 8."""
    inputs = torch.randn(8, 4, 16, 16), torch.randint(1000, (8,)), torch.randn(8, decoder.unet.config.encoder_hid_dim)
    decoder.unet.requires_grad_(False)
    add_lora(decoder.unet, shape)
    decoder.unet.train()
    begun = 0.0
    for number in range(1 + PASSES):
        begun = time.process_time() if number == 1 else begun  # the first pass warms up
        decoder.predict_noise(*inputs)[:, :4].pow(2).mean().backward()
    remove_lora(decoder.unet)
    return (time.process_time() - begun) / PASSES


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=4)
    torch.set_num_threads(1)
    loaded = load_decoder(DECODER, parts=("unet",))
    rounds = [
        {name: seconds(loaded, shape) for name, shape in SHAPES.items()} for _ in range(parser.parse_args().rounds)
    ]
    for name in SHAPES:
        ratio = median(each[name] / each["plain"] for each in rounds)
        print(f"{name}: {1000 * median(each[name] for each in rounds):.0f} ms, {ratio:.2f}")
