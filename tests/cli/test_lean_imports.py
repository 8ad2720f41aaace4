"""Large libraries are imported when they are used, in the process of `studio` only."""

import subprocess
import sys
from pathlib import Path

from cli.lean_imports import LIBRARIES, MARKS, LeanImports, library_of

START = "from cli.lean_imports import install; install(); import sys\n"
REAL = "real = lambda name: name in sys.modules and type(sys.modules[name]).__name__ != 'DeferredModule'\n"


def said(script: str) -> str:
    """Run a script in a process of its own, after `install`, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", START + REAL + script], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_names_of_a_library_import_it_on_use_and_work_as_the_real_ones() -> None:
    script = """
import torch.nn.attention.flex_attention as flex, timm, torch._dynamo
from transformers import AutoConfig
from peft import LoraConfig, PeftModel
from peft.tuners.lora import Linear
import torchvision
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from torchvision.datasets import VisionDataset
from cli.lean_imports import LIBRARIES as libraries
print(*(real(name) for name in libraries))
flex.BlockMask.from_kv_blocks, timm.__version__, AutoConfig.from_pretrained, torch._dynamo.config.verbose
config = LoraConfig(r=3)
class Own(LoraConfig): pass
class OwnDataset(VisionDataset): pass
Transformer2DModel.load_config, torchvision.models.ResNet.mro, torchvision.io.ImageReadMode.RGB
import peft
print(*(real(name) for name in libraries))
print(config.r, isinstance(config, LoraConfig), issubclass(Own, peft.LoraConfig), issubclass(Own, LoraConfig))
print(isinstance(3, Linear), type(PeftModel).__name__, peft.LoraConfig is type(config))
"""
    deferred, used, *names = said(script).splitlines()
    assert (deferred.split(), used.split()) == (["False"] * len(LIBRARIES), ["True"] * len(LIBRARIES))
    assert names == ["3 True True True", "False Deferred True"]


def test_models_are_built_without_the_libraries_and_with_them_where_they_are_needed() -> None:
    script = """
import os
os.environ["HF_HUB_OFFLINE"] = "1"  # the file that is not here is not waited for
import open_clip
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
print([name for name in ("torch._dynamo", "transformers", "timm", "peft") if real(name)])
config = {"layers": 1, "width": 8, "patch_size": 8, "image_size": 16}
text = {"hf_model_name": "hf-internal-testing/tiny-random-bert", "hf_model_pretrained": False}
try:
    open_clip.CustomTextCLIP(8, {**config, "timm_model_name": "resnet18", "timm_pool": "", "timm_proj": ""}, text)
except Exception as error:  # the text tower needs a file that is not here
    print(real("timm"), real("transformers"), type(error).__name__ != "RuntimeError")
"""
    assert said(script).splitlines() == ["[]", "True True True"]


UNUSED = [
    "torch._dynamo",
    "torch.nn.attention.flex_attention",
    "torch.fx.experimental.symbolic_shapes",
    "sympy",
    "torchvision.datasets",
    "torchvision.io",
    "torchvision.models",
    "diffusers.models.transformers",
    "transformers",
    "timm",
    "peft",
    "cv2",
    "PIL.TiffImagePlugin",
    "cli.demo",
    "cli.training.finetune",
]
"""Modules without which the miniature draws a picture."""


def test_a_picture_of_the_miniature_is_drawn_without_the_modules_of_others(tmp_path: Path) -> None:
    script = f"""
import atexit
atexit.register(lambda: print([name for name in {UNUSED} if real(name)], real("torch"), real("open_clip")))
sys.argv = ["studio", "--home", r"{tmp_path}", "generate", "a dog in the snow", "--seed", "1", "--out", r"{tmp_path}"]
from cli.start import main
main()
"""
    said_of_picture, loaded = said(script).splitlines()
    assert Path(said_of_picture).is_file()
    assert loaded == "[] True True"


def test_only_the_process_of_studio_defers_imports() -> None:
    assert not any(isinstance(finder, LeanImports) for finder in sys.meta_path)
    starts = Path(sys.modules["cli.lean_imports"].__file__ or "").with_name("start.py").read_text()
    assert "install()" in starts
    assert {library_of(name) for name, _ in MARKS} == {"torch._dynamo"}
    assert library_of("torch._dynamo.utils") == "torch._dynamo" and library_of("peft_x") is None
