"""Write `old_registry_REVISION.sql`: a registry in the present revision, with every table in use.

Run once for each released revision, from the root: python -m tests.migrations.make_old_registry
Never run it again for a revision that was released: the file stands for databases that people have.
"""

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import migrations
from concepts.database import Database
from concepts.records import NewImage

USER = "anna"


def fill(database: Database) -> None:
    """Put something in every table."""
    photo = NewImage(b"photo", b"mask", 64, 48, "photo.jpg", ("tiny subject",), b"file")
    with database.transaction() as registry:
        registry.create_library("toys", stack="miniature")
        registry.use_library("toys")
        rex = registry.add_concept("toys", "rex", "dog", [photo]).concept
        registry.add_concept("toys", "gone", "hat", [photo])
        registry.put_feature("key", "image_embeds", b"1234", (1,), "float32", photo.sha, photo.mask_sha)
        run = registry.start_run("toys", "finetune", {"steps": 400}, [rex.version_id])
        file_name = f"{'ab' * 32}.safetensors"
        adapter = registry.add_adapter("toys", "ab" * 32, file_name, "lora", "miniature", {}, [rex.version_id], run)
        registry.finish_run(run, adapter.id)
        registry.remove_concept("toys", "gone")
        registry.share_library("toys", "bob", "reader")


def main() -> None:
    target = Path(__file__).parent / f"old_registry_{migrations.HEAD}.sql"
    with tempfile.TemporaryDirectory() as home, Database.open(Path(home), user=USER) as database:
        fill(database)
        with closing(sqlite3.connect(database.path)) as connection:
            target.write_text("\n".join(connection.iterdump()) + "\n")


if __name__ == "__main__":
    main()
