"""Libraries: which stack they remember, what goes with them, and what goes in and out."""

import pytest

from concepts.errors import LibraryNotEmpty
from lambda_studio.errors import BundleRefused, InvalidSetting
from lambda_studio.studio import Studio
from lambda_studio.workflows.home import adapters_folder, run_folder


def test_a_stack_that_was_named_is_remembered_and_a_reader_changes_nothing(studio, stack_file, monkeypatch) -> None:
    assert studio.libraries.create("toys").stack == str(stack_file)
    with Studio(studio.home, stack="miniature") as other:
        assert other.libraries.use("default").stack == "miniature"
        owner = other.libraries.list()[0].owner
    studio.libraries.share("toys", "bob")
    monkeypatch.setenv("STUDIO_USER", "bob")
    told: list[str] = []
    with Studio(studio.home, stack="miniature", notify=told.append) as other:
        used = other.libraries.use(f"{owner}/toys")
        assert told == [f"You may read toys only, so its stack stays {stack_file}."]
        assert (used.role, used.stack, used.current) == ("reader", str(stack_file), True)


def test_members_are_the_owner_first_and_whoever_it_is_shared_with(studio) -> None:
    studio.libraries.create("toys")
    studio.libraries.share("toys", "bob", "editor")
    owner, bob = studio.libraries.members("toys")
    assert (owner.role, bob.user, bob.role) == ("owner", "bob", "editor")
    assert studio.libraries.unshare("toys", "bob").user == "bob"
    assert studio.libraries.members("toys") == [owner]


def test_a_library_goes_with_the_files_of_its_adapters_and_runs_and_with_no_others(studio, put, plain) -> None:
    put("rex", plain("red"))
    studio.libraries.create("toys")
    studio.concepts.copy("rex", "toys")
    folder, runs = adapters_folder(studio.home), []
    folder.mkdir()
    with studio.database.transaction() as registry:
        for library, letters in (("default", "ab"), ("toys", "bc")):
            version = registry.get_concept(library, "rex").version_id
            runs.append(registry.start_run(library, "finetune", {}, [version]))
            for letter in letters:
                (folder / letter).touch()
                registry.add_adapter(library, letter * 64, letter, "lora", "tiny", {}, [version])
    for run in runs:
        run_folder(studio.home, run).mkdir(parents=True)
    with pytest.raises(LibraryNotEmpty):
        studio.libraries.remove("toys")
    assert sorted(path.name for path in folder.iterdir()) == ["a", "b", "c"]
    studio.libraries.remove("toys", agreed=True)
    assert sorted(path.name for path in folder.iterdir()) == ["a", "b"]
    assert [run_folder(studio.home, run).exists() for run in runs] == [True, False]


def test_without_names_all_concepts_are_exported_by_name(studio, put, plain, tmp_path) -> None:
    with pytest.raises(InvalidSetting, match="default has no concepts to export"):
        studio.libraries.export([], tmp_path / "all.zip")
    put("rex", plain("red"))
    put("Hat", plain("blue"))
    assert studio.libraries.export([], tmp_path / "all.zip").concepts == ("Hat", "rex")
    assert studio.libraries.export(["rex", "hat", "REX"], tmp_path / "two.zip").concepts == ("Hat", "rex")
    assert (tmp_path / "two.zip").read_bytes() == (tmp_path / "all.zip").read_bytes()


def test_what_is_imported_is_told_with_who_signed_it(studio, put, plain, tmp_path) -> None:
    put("rex", plain("red"))
    studio.libraries.export([], tmp_path / "all.zip")
    with Studio(studio.home, studio.libraries.create("toys").name) as other:
        done = other.libraries.import_(tmp_path / "all.zip")
        assert [each.name for each in other.concepts.list()] == ["rex"]
    assert (done.library, done.signed_by, done.verified) == ("toys", None, False)
    assert [(each.name, each.noun, each.state) for each in done.concepts] == [("rex", "dog", "added")]


def test_a_folder_is_not_taken_for_signed(studio, tmp_path) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    spelled = (serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    (tmp_path / "anna.pub").write_bytes(Ed25519PrivateKey.generate().public_key().public_bytes(*spelled))
    (tmp_path / "folder").mkdir()
    with pytest.raises(BundleRefused, match="pictures are not signed"):
        studio.libraries.import_(tmp_path / "folder", trusted_keys=[tmp_path / "anna.pub"])
