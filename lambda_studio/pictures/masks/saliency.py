"""Find the object that a photograph is of, with the salient-object network U²-Net-p.

Source: Qin et al., "U²-Net: Going deeper with nested U-structure for salient object detection", 2020; Apache-2.0.
The network runs in the process that opens pictures.
"""

from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

SIDE = 320
"""The side of the network's input and of its map: every picture is squeezed into a square."""
PACKAGE, FILE = "rembg", "u2netp.onnx"
WEIGHTS_SHA = "309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8"
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
"""Of ImageNet's RGB channels, as in the network's training."""


def weights_file() -> Path | None:
    """Return the weights of the installed package, or None. The package is not imported."""
    spec = find_spec(PACKAGE)
    found = [Path(folder) / FILE for folder in (spec and spec.submodule_search_locations) or ()]
    return next((path for path in found if path.is_file()), None)


def salience(pixels: UInt8[np.ndarray, "320 320 3"]) -> UInt8[np.ndarray, "320 320"] | None:
    """Return each pixel's probability of being the subject, times 255; None without the network's weights.

    The network is read for every picture, in a tenth of a second: otherwise its memory would be missing when the next
    picture is decoded.
    """
    path = weights_file()
    content = path.read_bytes() if path else b""
    if sha256(content).hexdigest() != WEIGHTS_SHA:
        return None
    scaled = pixels.astype(np.float32) / max(1, pixels.max())
    network = _network(content)
    batch = ((scaled - MEAN) / DEVIATION).transpose(2, 0, 1)[None]
    found = network.run(None, {network.get_inputs()[0].name: np.ascontiguousarray(batch)})[0]
    return np.clip(255 * found[0, 0] + 0.5, 0, 255).astype(np.uint8)


def _network(content: bytes) -> "InferenceSession":
    import onnxruntime  # here, because only one process needs it

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # each thread takes address space
    options.enable_cpu_mem_arena = False  # gives memory back after each picture
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
