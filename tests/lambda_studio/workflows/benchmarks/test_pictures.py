"""Pictures are drawn once, or taken from other programs, and an incomplete set is refused."""

import pytest
from PIL import Image

from lambda_studio.config import GenerateConfig
from lambda_studio.errors import ImageRefused, InvalidSetting
from lambda_studio.workflows.benchmarks.pictures import BenchDrawer, require_pictures_of, take
from lambda_studio.workflows.benchmarks.results.cells import Cell, wanted
from lambda_studio.workflows.benchmarks.results.results_folder import ResultsFolder
from tests.dreambench import write_noise

CELLS = [Cell(f"dog/{number:02}", ("dog",), "a <dog>", "a dog") for number in (1, 2)]


def test_a_set_with_a_cell_of_another_number_is_refused(tmp_path) -> None:
    for name in ("01/a.png", "01/b.png", "02/a.png"):
        write_noise(tmp_path / "dog" / name, 1)
    with pytest.raises(InvalidSetting, match=r"does not have 2 pictures of each prompt: dog/02 has 1\."):
        require_pictures_of(tmp_path, CELLS, 2)
    with pytest.raises(InvalidSetting, match=r"does not have 1 picture of each prompt: dog/01 has 2\."):
        require_pictures_of(tmp_path, CELLS, 1)
    with pytest.raises(InvalidSetting, match="is no folder"):
        require_pictures_of(tmp_path / "nothing", CELLS, 1)
    write_noise(tmp_path / "dog/02/b.png", 2)
    require_pictures_of(tmp_path, CELLS, 2)


def test_other_programs_pictures_are_copied_in_natural_order(studio, tmp_path) -> None:
    for number, name in enumerate(("2.png", "10.png")):
        write_noise(tmp_path / "other/dog/01" / name, number)
    folder = ResultsFolder(tmp_path / "out")
    take(studio.workplace, tmp_path / "other", wanted(CELLS[:1], 2), folder)
    with Image.open(folder.picture("dog/01/1")) as copied, Image.open(tmp_path / "other/dog/01/2.png") as first:
        assert copied.tobytes() == first.tobytes()
    (tmp_path / "other/dog/01/10.png").write_bytes(b"")  # it was copied before
    take(studio.workplace, tmp_path / "other", wanted(CELLS[:1], 2), folder)
    folder.picture("dog/01/2").unlink()
    with pytest.raises(ImageRefused, match=r"10\.png"):
        take(studio.workplace, tmp_path / "other", wanted(CELLS[:1], 2), folder)


def test_sizes_and_negative_prompts_are_checked_before_drawing(studio) -> None:
    with pytest.raises(InvalidSetting, match="multiple"):
        BenchDrawer(studio.workplace, GenerateConfig(resolution=17), "none")
    with pytest.raises(InvalidSetting, match="no negative prompt"):
        BenchDrawer(studio.workplace, GenerateConfig(negative_prompt="blur"), "none")
