"""Write `REVISION.sqlite3` beside this: a registry in the present revision, with every table in use.

Run once for each released revision, from the root: python -m tests.databases.make_old_database
Never run it again for a revision that was released: the file is what the code of then wrote, as people have it.
"""

import shutil
import tempfile
from pathlib import Path

import migrations
from concepts.database import Database
from concepts.records import NewImage
from lambda_studio.bundles.given import GivenView, Note

USER = "anna"


VIEW = GivenView(encoder="e" * 64, preprocessing="cutout-1 cut_out", data=b"5678")
NOTE = Note(pictures=(("a" * 64, None),), views=(VIEW,)).encoded()
"""What a concept has that came without pictures."""


def fill(database: Database) -> None:
    """Put something in every table."""
    photo = NewImage(b"photo", b"mask", 64, 48, "photo.jpg", ("tiny subject",), b"file", "a dog on a sofa")
    with database.transaction() as registry:
        registry.create_library("toys", stack="miniature")
        registry.use_library("toys")
        rex = registry.add_concept("toys", "rex", "dog", [photo]).concept
        registry.add_concept("toys", "gone", "hat", [photo])
        note = NewImage(NOTE, None, 1, 1, "1 pictures of max, left out")
        registry.add_concept("toys", "max", "dog", [note])
        registry.put_feature("key", "image_embeds", b"1234", (1,), "float32", photo.sha, photo.mask_sha)
        run = registry.start_run("toys", "finetune", {"steps": 400}, [rex.version_id])
        file_name = f"{'ab' * 32}.safetensors"
        adapter = registry.add_adapter("toys", "ab" * 32, file_name, "lora", "miniature", {}, [rex.version_id], run)
        registry.finish_run(run, adapter.id)
        registry.remove_concept("toys", "gone")
        registry.share_library("toys", "bob", "reader")


def main() -> None:
    target = Path(__file__).parent / f"{migrations.HEAD}.sqlite3"
    with tempfile.TemporaryDirectory() as home:
        with Database.open(Path(home), user=USER) as database:
            fill(database)
        shutil.copyfile(database.path, target)


if __name__ == "__main__":
    main()
