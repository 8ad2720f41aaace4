"""The recipe: from one seed, or from earlier weights, to the package's five parts in their full-size layout.

`studio miniature train WORK` runs the stages that are missing in `WORK`, and resumes a stopped stage.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import torch
from diffusers.models.autoencoders.vq_model import VQModel
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from concepts.durable import make_folder, staged_file
from lambda_studio.miniature.judge.oracle import FINE_GRID, Oracle, owners
from lambda_studio.miniature.judge.questions import Readout
from lambda_studio.miniature.recipe import networks
from lambda_studio.miniature.recipe.config import PICTURES_A_FILE, STAGES, RecipeConfig, require_stages
from lambda_studio.miniature.recipe.corpus import CHUNK, Corpus, build_corpus, save_whole
from lambda_studio.miniature.recipe.embedded import Embedded, embed
from lambda_studio.miniature.recipe.fast import layout
from lambda_studio.miniature.recipe.networks import MERGES_FILE
from lambda_studio.miniature.recipe.stage import LossOf, StageObjective, train_stage
from lambda_studio.miniature.recipe.stages.clip import clip_stage
from lambda_studio.miniature.recipe.stages.control import control_stage, control_whitening
from lambda_studio.miniature.recipe.stages.decoder import decoder_stage
from lambda_studio.miniature.recipe.stages.decoding import decoding_stage
from lambda_studio.miniature.recipe.stages.growing import grow
from lambda_studio.miniature.recipe.stages.movq import encoded, focus, movq_stage
from lambda_studio.miniature.recipe.stages.oracle import oracle_stage
from lambda_studio.miniature.recipe.stages.prior import PriorBatches, prior_stage
from lambda_studio.miniature.recipe.stages.whitening import Whitening, readers
from lambda_studio.miniature.world.rendering import SEEN, render, seen
from lambda_studio.miniature.world.scenes import Scene, scenes
from lambda_studio.miniature.world.seeding import seeded
from lambda_studio.miniature.world.vocabulary import known_words
from lambda_studio.models.clip.clip import Clip, load_clip
from lambda_studio.progress import Progress, silent

CLIP_WEIGHTS = "open_clip_model.safetensors"
PART_WEIGHTS = "diffusion_pytorch_model.safetensors"
Model = TypeVar("Model", bound=nn.Module)
MakesTables = Callable[[int, int], dict[str, Tensor]]
"""Makes the tables of some pictures, from the number of the first one and their count."""
AT_ONCE = {"cpu": 128, "cuda": 2_048}
"""The pictures that are drawn and encoded at once on a device."""


class Recipe:
    """The stages in one work folder. Each method loads its finished result, or trains it first."""

    def __init__(self, work: Path, config: RecipeConfig, progress: Progress = silent):
        self.work, self.config, self.progress = work, config, progress
        work.mkdir(parents=True, exist_ok=True)

    def run(self, wanted: Sequence[str] | None = None) -> None:
        """Train the wanted stages (None: all) in order, with their prerequisites. Raises InvalidSetting."""
        require_stages(wanted or ())
        for name in STAGES:
            if wanted is None or name in wanted:
                getattr(self, f"train_{name}")()

    @property
    def corpus(self) -> Corpus:
        config = self.config
        return build_corpus(self.work / "corpus", config.pictures, config.seed, config.device, self.progress)

    def train_clip(self) -> Clip:
        folder = self.work / "clip"
        weights = folder / CLIP_WEIGHTS
        if not weights.exists() and self.config.start:
            shutil.copytree(
                self.config.start / "clip", folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(CLIP_WEIGHTS)
            )
            with staged_file(weights, replace=True) as staged:  # a part of a file would pass for a trained CLIP
                shutil.copyfile(self.config.start / "clip" / CLIP_WEIGHTS, staged)
        elif not weights.exists():
            networks.build_clip(folder)
            clip = self._new_clip()
            clip.model.train().requires_grad_(True)
            readout, oracle = Readout(networks.DIM), Oracle()
            oracle.tower = nn.Identity()  # this oracle reads CLIP's own maps
            loss_of = clip_stage(
                clip, readout, oracle, self.corpus, self.owners(), self.config.seed, self.config.clip.batch_size,
                edge_map=self.config.edges, workers=self.config.workers,
            )  # fmt: skip
            self._fit("clip", nn.ModuleDict({"clip": clip.model, "readout": readout, "oracle": oracle}), loss_of)
            save_whole(_half(clip.model), weights)
        return load_clip(f"local-dir:{folder}", device=self.config.device)

    def _new_clip(self) -> Clip:
        """Return an untrained CLIP. Its folder is separate: weights in `clip` mean that CLIP is trained."""
        folder = self.work / "untrained_clip"
        torch.manual_seed(self.config.seed)
        save_file(networks.build_clip(folder).state_dict(), folder / CLIP_WEIGHTS)
        return load_clip(f"local-dir:{folder}", device=self.config.device)

    def train_movq(self) -> VQModel:
        """Train MoVQ. If the recipe goes on from one of the same size, this is taken, and a smaller one is grown."""
        torch.manual_seed(self.config.seed + 1)
        movq, config = networks.build_movq(), self.config
        former, weights = self._encoder() if config.start else None, self.work / "movq.safetensors"
        if former and former.config.sample_size == movq.config.sample_size:
            movq.load_state_dict(former.state_dict())
            if not weights.exists():
                save_whole(_half(movq), weights)
        elif former:
            grow(movq, former)
            movq.requires_grad_(False)
            movq.encoder.requires_grad_(True)
            _decoding_half(movq).requires_grad_(True)
        return self._trained("movq", movq, lambda: movq_stage(
            movq.to(memory_format=layout(config.device)), config.seed, config.movq.batch_size, former, config.compiled
        ))  # fmt: skip

    def train_decoding(self) -> VQModel:
        """Train MoVQ's decoding half on, by what CLIP sees. The latents stay."""
        movq, config, tower = self.train_movq(), self.config, self.train_clip().model.visual
        _decoding_half(movq).requires_grad_(True)
        size = config.decoding.batch_size
        return self._trained("decoding", movq, lambda: decoding_stage(
            movq.to(memory_format=layout(config.device)), tower, config.seed, size, config.compiled
        ))  # fmt: skip

    def _encoder(self) -> VQModel:
        """Return the MoVQ that encodes. A training that goes on from earlier weights does not change its latents."""
        movq = _read_movq(self.config.start / "decoder" / "movq") if self.config.start else self.train_movq()
        device = self.config.device
        return movq.to(device, memory_format=layout(device)).eval().requires_grad_(False)

    def train_decoder(self):
        torch.manual_seed(self.config.seed + 2)
        unet = self._begun(networks.build_unet(), "decoder", "unet")
        return self._trained(
            "decoder",
            unet,
            lambda: self._decoder_stage(unet.to(memory_format=layout(self.config.device))),
            finish=lambda: Whitening.of(self.targets()["image_embeds"]).fold_into(*readers(unet.cpu())),
        )

    def _decoder_stage(self, unet: nn.Module) -> LossOf:
        """Return the loss for whitened inputs. `train_decoder` folds whitening into the UNet (docs/decisions/0025)."""
        config, targets = self.config, self.targets()
        whiten, zero = Whitening.of(targets["image_embeds"]), self.train_clip().zero_image_embeds().cpu()
        if self.config.start:
            whiten.unfold_from(*readers(unet))
        return decoder_stage(
            unet, targets["latents"], whiten(targets["image_embeds"]), whiten(zero), targets["focus"],
            targets["alone"], config.seed, config.decoder.batch_size, compiled=config.compiled, device=config.device,
        )  # fmt: skip

    def train_prior(self):
        torch.manual_seed(self.config.seed + 3)
        prior = self._begun(networks.build_prior(), "prior")
        return self._trained("prior", prior, lambda: prior_stage(prior, self._prompts("prior")))

    def train_control(self):
        """Train the prior on, to follow edges."""
        prior = networks.build_prior()
        prior.load_state_dict(self.train_prior().state_dict())
        return self._trained(
            "control",
            prior,
            lambda: control_stage(prior.to(self.config.device), self._prompts("control")),
            finish=lambda: control_whitening(self.embedded()).fold_into(prior.cpu().embedding_control),
        )

    def _prompts(self, stage: str) -> PriorBatches:
        """Return the batches of a stage of the prior."""
        size = getattr(self.config, stage).batch_size
        return PriorBatches(self.train_clip(), self.embedded(), self.config.seed, size, workers=self.config.workers)

    def train_oracle(self):
        torch.manual_seed(self.config.seed + 4)
        oracle = Oracle(grid=FINE_GRID)
        if self.config.start:
            oracle.start_from_oracle(load_file(self.config.start / "oracle" / PART_WEIGHTS))
        else:
            oracle.start_from(self.train_clip().model.visual)
        return self._trained("oracle", oracle, lambda: oracle_stage(
            oracle.to(memory_format=torch.channels_last), self.config.seed, self.config.oracle.batch_size
        ))  # fmt: skip

    def _begun(self, model: Model, *part: str) -> Model:
        """Return the model with the weights that the recipe goes on from, or as it is."""
        if self.config.start:
            model.load_state_dict(load_file(self.config.start.joinpath(*part, PART_WEIGHTS)))
        return model

    def embedded(self) -> Embedded:
        """Return the prior's training data, without its pictures."""
        config, clip = self.config, self.train_clip()

        def made(start: int, count: int) -> dict[str, Tensor]:
            whole = scenes(count, seeded(config.seed, "embedded", start))
            cutouts = seeded(config.seed, "embedded cutouts", start)
            return embed(whole, clip, config.edges, cutouts, AT_ONCE[config.device])

        table = self._in_files("embedded", config.prior_pictures, "embedding pictures for the prior", lambda: made)
        return Embedded.of(table, clip.zero_image_embeds().cpu())

    def targets(self) -> dict[str, Tensor]:
        """Return the decoder's training data in half precision: pictures are drawn and encoded, and not stored.

        Each picture has MoVQ `latents`, CLIP `image_embeds`, `focus`, and `alone`: whether it shows one subject only.
        """

        def begun() -> MakesTables:
            clip, movq, seed = self.train_clip(), self._encoder(), self.config.seed
            return lambda start, count: self._encode(scenes(count, seeded(seed, "targets", start)), clip, movq)

        return self._in_files("targets", self.config.decoder_pictures, "encoding pictures for the decoder", begun)

    def _in_files(self, name: str, count: int, note: str, begun: Callable[[], MakesTables]) -> dict[str, Tensor]:
        """Return the tables of `count` pictures, joined. If files are missing, `begun` returns what makes theirs."""
        folder = self.work / name
        make_folder(folder)
        files = {start: folder / f"{start}.safetensors" for start in range(0, count, PICTURES_A_FILE)}
        missing = {start: path for start, path in files.items() if not path.exists()}
        if missing:
            made = begun()
            with self.progress(note, len(files)) as advance:
                advance(len(files) - len(missing))
                for start, path in missing.items():
                    save_whole(made(start, min(PICTURES_A_FILE, count - start)), path)
                    advance()
        parts = [load_file(path) for path in files.values()]
        return {key: torch.cat([part[key] for part in parts]) for key in parts[0]}

    @torch.no_grad()
    def _encode(self, whole: Scene, clip: Clip, movq: VQModel) -> dict[str, Tensor]:
        latents, embeds, weights = [], [], []
        for rows in torch.arange(len(whole)).split(AT_ONCE[self.config.device]):
            drawn = render(whole[rows].to(self.config.device))
            images = (drawn.images * 2 - 1).contiguous(memory_format=layout(self.config.device))
            with torch.autocast(self.config.device, torch.bfloat16):
                latents.append(encoded(movq, images).half().cpu().contiguous())
                embeds.append(clip.encode_pixels(seen(drawn.images), batch_size=len(rows)).half().cpu())
            weights.append(focus(drawn).half().cpu())
        made = {"latents": latents, "image_embeds": embeds, "focus": weights}
        return {name: torch.cat(parts) for name, parts in made.items()} | {"alone": whole.relation == 0}

    def owners(self) -> Tensor:
        """Return the owner of each cell of the oracle's grid, for each picture of the corpus, which is drawn anew."""
        path = self.work / "owners.safetensors"
        if not path.exists():
            whole, parts = self.corpus.scene, []
            with self.progress("drawing for owners", len(whole)) as advance:
                for rows in torch.arange(len(whole)).split(CHUNK):
                    scene = whole[rows].to(self.config.device)
                    parts.append(owners(render(scene, SEEN), scene).byte().cpu())
                    advance(len(rows))
            save_whole({"owners": torch.cat(parts)}, path)
        return load_file(path)["owners"]

    def _trained(
        self, name: str, model: nn.Module, loss_of: Callable[[], LossOf], finish: Callable[[], None] = lambda: None
    ) -> nn.Module:
        weights = self.work / f"{name}.safetensors"
        if not weights.exists():
            self._fit(name, model, loss_of())
            finish()
            save_whole(_half(model), weights)
        model.load_state_dict(load_file(weights))
        return model.eval().requires_grad_(False)

    def _fit(self, name: str, model: nn.Module, loss_of: LossOf) -> None:
        objective = StageObjective(name, model.to(self.config.device), loss_of, getattr(self.config, name))
        train_stage(objective, self.work, self.progress)

    def export(self, folder: Path) -> None:
        """Write the package's layout in half precision: `clip/ prior/ decoder/{unet,movq,scheduler}/ oracle/`."""
        (folder / "clip").mkdir(parents=True, exist_ok=True)
        self.train_clip()
        for file in (MERGES_FILE, "open_clip_config.json", CLIP_WEIGHTS):
            shutil.copyfile(self.work / "clip" / file, folder / "clip" / file)
        self.train_control().half().save_pretrained(folder / "prior")
        self.train_decoding().half().save_pretrained(folder / "decoder" / "movq")
        self.train_decoder().half().save_pretrained(folder / "decoder" / "unet")
        self.train_oracle().half().save_pretrained(folder / "oracle")
        networks.build_scheduler().save_pretrained(folder / "decoder" / "scheduler")
        index = {
            "_class_name": "KandinskyV22Pipeline",
            "movq": ["diffusers", "VQModel"],
            "scheduler": ["diffusers", "DDPMScheduler"],
            "unet": ["diffusers", "UNet2DConditionModel"],
        }
        (folder / "decoder" / "model_index.json").write_text(json.dumps(index, indent=1) + "\n")
        (folder / "words.txt").write_text("\n".join(known_words()) + "\n", encoding="utf-8")


def _read_movq(folder: Path) -> VQModel:
    """Return the MoVQ of exported weights. Its pictures may be smaller than today's."""
    movq = VQModel.from_config(VQModel.load_config(folder))
    movq.load_state_dict(load_file(folder / PART_WEIGHTS))
    return movq


def _decoding_half(movq: VQModel) -> nn.ModuleList:
    return nn.ModuleList([movq.post_quant_conv, movq.decoder])


def _half(model: nn.Module) -> dict[str, Tensor]:
    state = model.state_dict()
    return {k: (v.half() if v.is_floating_point() else v).contiguous() for k, v in state.items()}
