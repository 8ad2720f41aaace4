"""A stack by its name, and in a TOML file."""

import pytest

from lambda_studio.errors import InvalidSetting, ModelFilesMissing
from lambda_studio.models.stack_spec import BUILT_IN
from lambda_studio.models.stack_toml import from_toml, resolve_stack


def test_folders_in_a_toml_file_may_be_relative_to_it(tmp_path):
    (tmp_path / "weights").mkdir()
    (tmp_path / "mine.toml").write_text(
        'clip = "local-dir:clip"\nprior = "weights"\ndecoder = "org/repo"\nresolution = 256\nprecision = "fp16"\n'
        'edges = "gradient"\n'
        "[finetune]\nlearning_rate = 3e-4\n[generate]\nguidance_scale = 2.0\n"
    )
    spec = resolve_stack(str(tmp_path / "mine.toml"))
    assert spec.name == "mine"
    assert (spec.clip, spec.prior) == (f"local-dir:{tmp_path / 'clip'}", str(tmp_path / "weights"))
    assert (spec.decoder, spec.resolution, spec.precision) == ("org/repo", 256, "fp16")
    assert (spec.edges, BUILT_IN["kandinsky-2.2"].edges) == ("gradient", "canny")
    assert spec.finetune == {"learning_rate": 3e-4}
    assert spec.generate == {"guidance_scale": 2.0}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('clip = "a"\nprior = "b"\n', "has no decoder"),
        ('clip = "a"\nprior = "b"\nlicense = "MIT"\n', "unknown setting 'license'. Did you mean licence?"),
        ('clip = 3\nprior = "b"\ndecoder = "c"\n', "has clip = 3. Give a str."),
        ('clip = "a"\nprior = "b"\ndecoder = "c"\nprecision = "int4"\n', "precision is 'int4'. Give one of: auto"),
        ('clip = "a"\nprior = "b"\ndecoder = "c"\nedges = "sobel"\n', "edges is 'sobel'. Give one of: canny gradient."),
        ('clip = ""\nprior = "b"\ndecoder = ""\n', "is empty"),
        (
            'clip = "a"\nprior = "b"\ndecoder = "c"\nfamily = "kandinski"\n',
            "'kandinski'. Did you mean kandinsky-2.2? Give",
        ),
        ("clip = \n", "is not TOML"),
    ],
)
def test_a_wrong_toml_file_is_refused(tmp_path, text, said):
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(InvalidSetting) as error:
        from_toml(tmp_path / "mine.toml")
    assert said in str(error.value)


def test_a_stack_that_is_not_there_is_said(tmp_path):
    with pytest.raises(InvalidSetting, match=r"There is no stack 'minature'\. Did you mean miniature\?"):
        resolve_stack("minature")
    with pytest.raises(ModelFilesMissing, match=r"none\.toml cannot be read"):
        resolve_stack(str(tmp_path / "none.toml"))
