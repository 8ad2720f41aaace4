"""Every file of a folder is a subject's, left aside for a reason, or a fault."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from lambda_studio.bundles.layouts.files.tree import read_tree
from lambda_studio.bundles.layouts.table import write_table
from tests.lambda_studio.bundles.layouts.laid import aside, faults, lay, masks, planned, subjects

FOLDER = st.sampled_from(["rex", "rex_masks", "masks", "10_rex dog", "1_dog", "reg", "img", "8_", "a b", "log", ""])
FILE = st.sampled_from(
    ["0.jpg", "1.png", "0_mask.png", "0-masklabel.png", "0.txt", "0.jxl", "0.gif", ".x", "a.mov", "IMG_1"]
)
NAMES = st.sets(st.builds("/".join, st.tuples(FOLDER, FOLDER, FILE)).map(lambda name: name.strip("/")), max_size=12)


@given(NAMES)
def test_no_file_goes_unmentioned(tmp_path_factory, names: set[str]) -> None:
    names = {name.replace("//", "/") for name in names}
    root = lay(tmp_path_factory.mktemp("set"), *names)
    plan = planned(root)
    tree = read_tree(root)
    visible = {tree.shown(file) for file in tree.top.every_file()}
    pictures = [picture for each in plan.subjects for picture in each.pictures]
    told = [file for each in pictures for file in (each.file, each.mask, each.caption) if file] + [*aside(plan)]
    faulty = {fault.where for fault in plan.faults}
    assert sorted({*told}) == sorted(told), "nothing is told twice"
    assert visible <= {*told} | faulty
    assert {name for name in names if name.endswith("/.x")} <= {*told}


def test_a_picture_that_cannot_be_opened_and_an_empty_one_are_faults_of_their_subject(tmp_path: Path) -> None:
    lay(tmp_path, "rex/0.jpg", "rex/1.psd", "rex/2.png", "rex/3.png", "minka/3.cr2")
    (tmp_path / "rex" / "2.png").write_bytes(b"")
    (tmp_path / "rex" / "3.png").write_bytes(b"<html>")
    plan = planned(tmp_path)
    assert subjects(plan) == {"minka": ("minka", []), "rex": ("rex", ["rex/0.jpg"])}
    assert faults(plan) == [
        "minka/3.cr2 is a CR2 picture, which cannot be opened here",
        "rex/1.psd is a PSD picture, which cannot be opened here",
        "rex/2.png is empty (0 bytes)",
        "rex/3.png is not a JPEG, PNG, WEBP, HEIC, AVIF, TIFF or BMP picture",
    ]


JPEG = b"\xff\xd8\xff\xe0"


def test_a_picture_without_a_suffix_is_taken_and_one_with_a_wrong_one_is_called_a_picture(tmp_path: Path) -> None:
    lay(tmp_path, "rex/0.jpg", "rex/IMG_1", "rex/IMG_1_mask", "rex/LICENSE", "rex/2.jpg.bak", "rex/notes.pdf")
    for name in ("IMG_1", "IMG_1_mask", "2.jpg.bak"):
        (tmp_path / "rex" / name).write_bytes(JPEG)
    plan = planned(tmp_path)
    assert subjects(plan) == {"rex": ("rex", ["rex/0.jpg", "rex/IMG_1"])}
    assert masks(plan) == {"rex/IMG_1": "rex/IMG_1_mask"}
    assert aside(plan) == {
        "rex/2.jpg.bak": "pictures, but their names do not end as a picture's: rename them",
        "rex/LICENSE": "not pictures",
        "rex/notes.pdf": "not pictures",
    }


def test_a_folder_of_pictures_without_suffixes_is_a_subject_also_in_a_table(tmp_path: Path) -> None:
    lay(tmp_path / "set", "rex/a", "rex/b")
    for name in "ab":
        (tmp_path / "set" / "rex" / name).write_bytes(JPEG)
    assert subjects(planned(tmp_path / "set")) == {"rex": ("rex", ["rex/a", "rex/b"])}
    write_table(planned(tmp_path / "set"), tmp_path / "t.csv")
    assert subjects(planned(tmp_path / "set", tmp_path / "t.csv")) == {"rex": ("rex", ["rex/a", "rex/b"])}
