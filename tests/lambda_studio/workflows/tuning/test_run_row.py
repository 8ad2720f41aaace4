"""What becomes of a run in the registry, and beside it."""

from lambda_studio.config import FinetuneConfig, GenerateConfig
from lambda_studio.studio import Studio
from lambda_studio.workflows.home import run_folder

QUICK = FinetuneConfig(steps=1, rank=2)
ONE_STEP = GenerateConfig(num_inference_steps=1, seed=0)


def test_a_run_takes_the_next_number_without_a_folder_and_changes_no_unknown_one(
    studio, put, plain, photo, add, notices
) -> None:
    add("rex", photo)
    folders = [run_folder(studio.home, number) for number in (1, 2)]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "loss.jsonl").write_text("theirs")
    tuned = studio.finetune(["rex"], config=QUICK)
    assert (tuned.run_id, tuned.loss_log.parent) == (3, run_folder(studio.home, 3))
    assert notices[-1] == (
        f"{folders[0]}, {folders[1]} belong to no run of this database: made before a restore, or by another "
        "database. Nothing there is changed; this run has the number 3. See: studio doctor"
    )
    with studio.database.reading() as registry:
        assert [run.id for run in registry.runs("default")] == [3]
    assert [[path.name for path in folder.iterdir()] for folder in folders] == [["loss.jsonl"]] * 2
    assert {(folder / "loss.jsonl").read_text() for folder in folders} == {"theirs"}
    told = [each.said for each in studio.doctor("quick") if each.what == "run folder"]
    assert [said.partition(" belongs to no run")[0] for said in told] == [str(folder) for folder in folders]


def test_a_run_after_a_restore_leaves_the_folders_of_the_lost_future(studio, add, photo, tmp_path) -> None:
    add("rex", photo)
    backup = studio.upkeep(studio.home).back_up(tmp_path / "backup.db").copy
    lost = studio.finetune(["rex"], config=QUICK)
    before = lost.loss_log.read_bytes()
    studio.close()
    studio.upkeep(studio.home).restore(backup)
    with Studio(studio.home, stack=studio.workplace.stack_source) as restored:
        tuned = restored.finetune(["rex"], config=QUICK)
        assert (lost.run_id, tuned.run_id, lost.loss_log.read_bytes()) == (1, 2, before)
        again = restored.finetune(["rex"], config=QUICK)
    assert again.run_id == 3
