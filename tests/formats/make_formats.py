"""Write the folder `VERSION` beside this: a file of every format that this version writes, as people have them.

Run once for each released version, from the root, by the code of that version:
python -m tests.formats.make_formats VERSION
Never run it again for a version that was released: the files are what the code of then wrote.

Everything is made in `/tmp/anna` by `studio` itself, so that paths in the files are of that folder, and of no machine.
"""

import json
import os
import shlex
import shutil
import signal
import sys
import threading
import time
from contextlib import closing, redirect_stdout
from io import StringIO
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from safetensors.torch import load_file, save_file

FORMATS = Path(__file__).absolute().parent
WORK = Path("/tmp/anna")
USER = "anna"
KEPT = ("models", "photos", "home", "bundles", "pictures", "answers", "session.json")
"""What is kept of WORK; the private key is not."""

TUNE = "--steps 12 --rank 2 --batch-size 2 --learning-rate 0.01 --seed 3"
TUNE_ALL = "--method full --steps 4 --batch-size 2 --learning-rate 0.001 --seed 4"
SMALL = "--stack miniature --library drawn"
SESSION = {
    "add-concept": "add-concept rex photos/rex1.png photos/rex2.png --noun dog --keep-original --segment none",
    "add-concept-segmented": "add-concept hat photos/hat.png --noun hat",
    "add-concept-third": "add-concept ball photos/ball.png --noun toy --segment none",
    "concepts-edit": "concepts edit hat --noun cap",
    "finetune": f"finetune rex {TUNE}",
    "finetune-full": f"finetune rex hat {TUNE_ALL}",
    "generate": 'generate "a <rex> on a mat" --steps 3 --seed 7 --adapter 1 --out pictures/lora.png',
    "generate-full": 'generate "a <rex> with a <hat>" --steps 3 --seed 8 -n 2 --adapter 2 --out pictures/full.png',
    "generate-no-adapter": "generate '<ball>' --steps 3 --guidance 2 --adapter none --out pictures/none.png",
    "concepts-edit-again": "concepts edit hat --noun hat",
    "concepts-copy": "concepts copy ball drawn",
    "concepts-remove": "concepts remove ball --yes",
    "concepts-list": "concepts list",
    "concepts-list-removed": "concepts list --removed",
    "concepts-show": "concepts show rex",
    "concepts-history": "concepts history hat",
    "concepts-originals": "concepts originals rex originals",
    "library-export": "library export --out bundles/pictures.zip",
    "library-export-without-pictures": "library export rex --out bundles/without-pictures.zip --without-pictures",
    "library-export-signed": "library export rex --out bundles/signed.zip --sign anna",
    "library-import": "library import bundles/signed.zip --trusted-key bundles/anna.pub --library inbox",
    "library-import-conflict": "library import bundles/pictures.zip --on-conflict skip --library inbox",
    "library-share": "library share inbox ben --role editor",
    "concepts-similar": "concepts similar rex",
    "library-members": "library members inbox",
    "library-list": "library list",
    "finetune-miniature": f"finetune ball --steps 2 --rank 1 --batch-size 1 {SMALL}",
    "generate-miniature": f'generate "a <ball>" --steps 2 --out pictures/miniature.png {SMALL}',
    "adapters-list": "adapters list",
    "adapters-show": "adapters show 1",
    "doctor": "doctor",
    "db-check": "db check",
    "db-backup": "db backup --out copy.sqlite3",
}
"""Command lines by the name of their answer, in the order that they ran in; each with --json."""
UNRECORDED = {"concepts-edit": ("library create inbox", "library create drawn --stack miniature")}
"""What runs before a command, and has no answer that is kept."""
STOPPED = {"finetune-stopped": f"finetune rex {TUNE}", "finetune-full-stopped": f"finetune hat {TUNE_ALL} --steps 12"}
"""What is stopped by Ctrl-C after some steps."""


def make(version: str) -> None:
    """Make everything in WORK, and copy what is kept beside this."""
    WORK.mkdir()
    for name in ("photos", "bundles", "pictures", "answers"):
        (WORK / name).mkdir()
    enter(WORK)
    save_models(WORK / "models")
    draw_photos(WORK / "photos")
    write_keys(WORK / "anna", WORK / "bundles" / "anna.pub")
    for name, line in SESSION.items():
        for before in UNRECORDED.get(name, ()):
            studio(before)
        (WORK / "answers" / f"{name}.json").write_text(studio(line), encoding="utf-8")
    for name, line in STOPPED.items():
        (WORK / "answers" / f"{name}.json").write_text(stopped(line), encoding="utf-8")
    (WORK / "session.json").write_text(json.dumps({"unrecorded": UNRECORDED, "session": SESSION}, indent=1))
    fold_wal(WORK / "home" / "studio.sqlite3")
    (FORMATS / version).mkdir()
    for name in KEPT:
        copy = shutil.copytree if (WORK / name).is_dir() else shutil.copyfile
        copy(WORK / name, FORMATS / version / name)


def save_models(folder: Path) -> None:
    """Save the tests' tiny models, smaller still and in half precision, and the file of their stack."""
    from tests import conftest

    unet = {"block_out_channels": (8, 16), "norm_num_groups": 4, "attention_head_dim": 4, "cross_attention_dim": 8}
    conftest.UNET_CONFIG.update(unet)
    for name, save in (
        ("clip", conftest.save_clip),
        ("prior", conftest.save_prior),
        ("decoder", conftest.save_decoder),
    ):
        save(folder / name)
    for path in folder.rglob("*.safetensors"):
        save_file({key: tensor.half() for key, tensor in load_file(path).items()}, path, {"format": "pt"})
    parts = 'clip = "local-dir:clip"\nprior = "prior"\ndecoder = "decoder"\n'
    preferred = "[finetune]\ncheckpoint_every = 5\n[generate]\nguidance_scale = 4.0\n"
    (folder / "tiny.toml").write_text(f'name = "tiny"\n{parts}licence = "none"\nprecision = "fp32"\n{preferred}')


def draw_photos(folder: Path) -> None:
    """Draw a red ellipse on green for each reference image."""
    from PIL import Image, ImageDraw
    from PIL.PngImagePlugin import PngInfo

    for number, name in enumerate(("rex1", "rex2", "hat", "ball")):
        image = Image.new("RGB", (64, 64), (20, 120 + 10 * number, 40))
        ImageDraw.Draw(image).ellipse((14 + 2 * number, 12, 48, 50), fill=(200, 30 + 40 * number, 30))
        said = PngInfo()
        said.add_text("Comment", f"behind mill {number}")
        image.save(folder / f"{name}.png", pnginfo=said)


def write_keys(private: Path, public: Path) -> None:
    """Write the key of 32 zero bytes as OpenSSH does, and its public half."""
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH))


def enter(folder: Path) -> None:
    """Be anna in this folder, whose own settings are all that there are."""
    for name in [name for name in os.environ if name.startswith("STUDIO_")]:
        del os.environ[name]
    os.environ.update(STUDIO_HOME="home", STUDIO_STACK="models/tiny.toml", STUDIO_USER=USER)
    os.chdir(folder)


def studio(line: str, code: int = 0) -> str:
    """Run a command line to its end, which is to be with this exit code; gives its answer."""
    from cli.main import run

    with redirect_stdout(StringIO()) as said:
        ended = run([*shlex.split(line), "--json"])
    if ended != code:
        raise SystemExit(f"studio {line} ended with {ended}")
    return said.getvalue()


def stopped(line: str) -> str:
    """Run a training until its sixth step, and press Ctrl-C; gives its answer."""
    runs = WORK / "home" / "runs"
    log = runs / str(1 + max(int(run.name) for run in runs.iterdir())) / "loss.jsonl"

    def press() -> None:
        while not (log.exists() and log.read_text().count("\n") >= 6):
            time.sleep(0.001)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()
    return studio(line, 130)


def fold_wal(path: Path) -> None:
    """Bring what SQLite wrote beside the database into it."""
    import sqlite3

    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


if __name__ == "__main__":
    make(sys.argv[1])
