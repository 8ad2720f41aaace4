"""Files of runs and adapters that the database does not explain."""

from lambda_studio.workflows.home import adapters_folder, run_folder
from lambda_studio.workflows.upkeep.finding import Finding


def test_files_without_a_row_are_problems_that_no_repair_touches(studio) -> None:
    file, folder = adapters_folder(studio.home) / f"{'a' * 64}.safetensors", run_folder(studio.home, 7)
    file.parent.mkdir()
    file.write_bytes(b"half")
    folder.mkdir(parents=True)
    for repair in (False, True):
        found = {finding.what: finding for finding in studio.doctor("quick", repair=repair)}
        assert found["adapter file"].said == (
            f"{file} belongs to no adapter of this database. It was trained on: unknown concepts."
        )
        assert found["adapter file"].remedy.endswith(f"delete it: {file}") and not found["adapter file"].mendable
        assert found["run folder"].said == (
            f"{folder} belongs to no run of this database: made before a restore, or by another database. "
            "It may hold what was learnt of its concepts. New runs take other numbers."
        )
        assert found["run folder"].remedy.endswith(f"delete it: {folder}") and not found["run folder"].mendable
    assert file.exists() and folder.exists()


def test_checkpoints_of_finished_runs_are_removed_and_those_of_other_runs_stay(studio, put, plain) -> None:
    version = put("rex", plain("red")).version_id
    runs = [studio.database.write(lambda registry: registry.start_run("default", "k", {}, [version])) for _ in "ab"]
    studio.database.write(lambda registry: registry.finish_run(runs[0]))
    folders = [run_folder(studio.home, run) / "checkpoints" for run in runs]
    for folder in folders:
        folder.mkdir(parents=True)

    def told(repair: bool) -> list[Finding]:
        return [each for each in studio.doctor("quick", repair=repair) if each.what.startswith("run ")]

    remedy = "Remove them: studio doctor --repair"
    said = f"it is finished, and its checkpoints are left: {folders[0]}"
    assert told(False) == [Finding("run 1", said, remedy, mendable=True)]
    assert told(True) == [Finding("run 1", f"the checkpoints of this finished run were removed: {folders[0]}")]
    assert told(True) == []
    assert [folder.exists() for folder in folders] == [False, True]


def test_checkpoints_of_a_failed_run_are_named_with_the_command_that_drops_it(studio, put, plain) -> None:
    version = put("rex", plain("red")).version_id
    run = studio.database.write(lambda registry: registry.start_run("default", "k", {}, [version]))
    folder = run_folder(studio.home, run) / "checkpoints"
    folder.mkdir(parents=True)
    studio.database.write(lambda registry: registry.fail_run(run, "It diverged."))
    (told,) = [each for each in studio.doctor("quick", repair=True) if each.what == f"run {run}"]
    assert (str(folder) in told.said, told.remedy) == (True, f"Remove them: studio runs drop {run}")
    studio.runs.drop(run)
    assert not folder.exists()


def test_previews_of_a_forgotten_concept_that_a_kill_left_are_found_and_removed(studio, put, plain) -> None:
    gone, kept = put("rex", plain("red")), put("max", plain("blue"))
    versions = ([gone.version_id], [kept.version_id])
    runs = [
        studio.database.write(lambda registry, seen=seen: registry.start_run("default", "k", {}, seen))
        for seen in versions
    ]
    studio.database.write(lambda registry: registry.forget_concept("default", "rex", gone.id))
    for run in runs:
        folder = run_folder(studio.home, run)
        (folder / "previews").mkdir(parents=True)
        for name in ("previews/step-000000-1.png", "previews.png", "report.html", "loss.jsonl"):
            (folder / name).write_bytes(b"a picture")

    def told(repair: bool) -> list[Finding]:
        return [each for each in studio.doctor("quick", repair=repair) if "forgotten concept" in each.said]

    folder = run_folder(studio.home, runs[0])
    said = f"its previews and its report show a forgotten concept: {folder}"
    remedy = "Remove them: studio doctor --repair"
    assert told(False) == [Finding(f"run {runs[0]}", said, remedy, mendable=True)]
    removed = f"its previews and its report showed a forgotten concept, and were removed: {folder}"
    assert told(True) == [Finding(f"run {runs[0]}", removed)]
    assert told(False) == []
    assert [path.name for path in folder.iterdir()] == ["loss.jsonl"]
    assert len(list(run_folder(studio.home, runs[1]).iterdir())) == 4
