"""`studio evaluate sets`."""

import json

from tests.dreambench import write_noise


def test_two_folders_are_compared_by_the_stacks_clip(studio, tmp_path) -> None:
    for number, name in enumerate(("drawn/1.png", "drawn/2.png", "real/1.png", "real/2.png")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_noise(tmp_path / name, number)
    answer = studio("evaluate", "sets", "drawn", "real", "--metrics", "cmmd-stack")
    assert answer.code == 0, answer.err
    lines = answer.out.splitlines()
    assert lines[1].split()[0] == "cmmd-stack" and "the stack's CLIP" in lines[1] and "too high for few" in lines[1]
    assert lines[2] == "2 drawn pictures in drawn, 2 real ones in real."
    said = json.loads(studio("evaluate", "sets", "drawn", "real", "--metrics", "cmmd-stack", "--json").out)
    assert (said["drawn_pictures"], set(said["metrics"])) == (2, {"cmmd-stack"})
    assert f"{said['metrics']['cmmd-stack']['value']:.4f}" == lines[1].split()[1]


def test_missing_weights_and_wrong_input_have_a_remedy(studio, tmp_path) -> None:
    missing = studio("evaluate", "sets", "drawn", "real")
    assert missing.code == 6 and "curl -LO https:" in missing.err and "--weights inception=FOLDER" in missing.err
    unknown = studio("evaluate", "sets", "drawn", "real", "--metrics", "lpips")
    assert unknown.code == 2 and "Give some of: fid, kid, cmmd, cmmd-stack." in unknown.err
    wrong = studio("evaluate", "sets", "drawn", "real", "--weights", "models")
    assert wrong.code == 2 and "--weights is 'models'." in wrong.err
