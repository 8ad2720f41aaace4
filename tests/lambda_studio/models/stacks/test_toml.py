"""A stack by its name, and in a TOML file."""

import pytest

from lambda_studio.errors import InvalidSetting, ModelFilesMissing
from lambda_studio.models.stacks.specification import BUILT_IN
from lambda_studio.models.stacks.toml import from_toml, resolve_stack

PARTS = 'clip = "a"\nprior = "b"\ndecoder = "c"\n'


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


def test_networks_of_metrics_may_be_relative_and_are_known_by_name(tmp_path):
    (tmp_path / "clip-b32").mkdir()
    file = tmp_path / "mine.toml"
    file.write_text(f'{PARTS}[metrics]\nclip-b32 = "clip-b32"\ndino-vits8 = "org/repo"\n')
    assert from_toml(file).metrics == {"clip-b32": str(tmp_path / "clip-b32"), "dino-vits8": "org/repo"}
    file.write_text(f'{PARTS}[metrics]\nclip-b33 = "a"\n')
    with pytest.raises(InvalidSetting, match=r"metrics have 'clip-b33'.*clip-b32"):
        from_toml(file)
    file.write_text(f"{PARTS}[metrics]\nclip-b32 = 3\n")
    with pytest.raises(InvalidSetting, match="metrics have clip-b32 = 3"):
        from_toml(file)


def test_a_name_that_could_be_a_folder_and_a_hub_id_is_asked_about(tmp_path):
    (tmp_path / "org/repo").mkdir(parents=True)
    text = 'clip = "a"\nprior = "b"\ndecoder = "{}"\n'
    (tmp_path / "mine.toml").write_text(text.format("org/repo"))
    with pytest.raises(InvalidSetting) as error:
        from_toml(tmp_path / "mine.toml")
    assert "has 'org/repo', which is a folder beside it and could be a repository on the hub" in error.value.cause
    assert error.value.remedy == "Write './org/repo' for the folder, or 'hf-hub:org/repo' for the repository."
    (tmp_path / "mine.toml").write_text(text.format("./org/repo"))
    assert from_toml(tmp_path / "mine.toml").decoder == str(tmp_path / "org/repo")
    (tmp_path / "mine.toml").write_text(text.format("hf-hub:org/repo"))
    assert from_toml(tmp_path / "mine.toml").decoder == "hf-hub:org/repo"


def test_a_path_is_relative_to_the_file_also_if_nothing_is_there(tmp_path):
    (tmp_path / "mine.toml").write_text('clip = "a"\nprior = "./prior"\ndecoder = "../decoder"\n')
    spec = from_toml(tmp_path / "mine.toml")
    assert (spec.prior, spec.decoder) == (f"{tmp_path}/prior", f"{tmp_path}/../decoder")


def test_weights_beside_the_toml_file_may_be_named_alone(tmp_path):
    (tmp_path / "clip.safetensors").touch()
    (tmp_path / "mine.toml").write_text(
        'clip = "ViT-B-32"\nclip_pretrained = "clip.safetensors"\nprior = "b"\ndecoder = "c"\n'
    )
    assert from_toml(tmp_path / "mine.toml").clip_pretrained == str(tmp_path / "clip.safetensors")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('clip = "a"\nprior = "b"\n', "has no decoder"),
        (f"random-flip = true\n{PARTS}", "unknown setting 'random-flip'. Write it below a line [finetune]."),
        (f"weights = {{rex = 2}}\n{PARTS}", "has weights, which belongs to one run. Leave out weights."),
        (f"guidance_scale = 2.0\n{PARTS}", "unknown setting 'guidance_scale'. Write it below a line [generate]."),
        ('clip = "a"\nprior = "b"\nlicense = "MIT"\n', "unknown setting 'license'. Did you mean licence?"),
        ('clip = 3\nprior = "b"\ndecoder = "c"\n', "has clip = 3. Give a text."),
        ('clip = "a"\nprior = "b"\ndecoder = "c"\nprecision = "int4"\n', "precision is 'int4'. Give one of: auto"),
        ('clip = "a"\nprior = "b"\ndecoder = "c"\nedges = "sobel"\n', "edges is 'sobel'. Give one of: canny gradient."),
        ('clip = ""\nprior = "b"\ndecoder = ""\n', "is empty"),
        (
            'clip = "a"\nprior = "b"\ndecoder = "c"\nfamily = "kandinski"\n',
            "'kandinski'. Did you mean kandinsky-2.2? Give",
        ),
        ("clip = \n", "is not TOML"),
        (f"clip = {'[' * 10_000}", "is not TOML"),
        (f'{PARTS}[revisions]\nmovq = "{"a" * 40}"\n', "pins 'movq', which is no part. Pin: clip, clip_towers, prior"),
        (f'{PARTS}[hashes.prior]\n"config.json" = "abc"\n', "hash of prior config.json is 'abc'. Give 64 lower-case"),
        (f'{PARTS}[hashes]\nprior = "abc"\n', "has hashes of prior = 'abc'. Give a table"),
        (f"{PARTS}steps_for_thirty = 100\n", "mine.toml: The stack's steps_for_thirty is 100. Give 400 to 10000000."),
        (f"{PARTS}steps_for_thirty = 10_000_001\n", "is 10000001. Give 400 to 10000000."),
        (f"{PARTS}resolution = true\n", "has resolution = true. Give a whole number."),
        (f'{PARTS}steps_for_thirty = "900"\n', 'has steps_for_thirty = "900". Give a whole number.'),
        (f"{PARTS}finetune = 3\n", "has finetune = 3. Write a table: [finetune]"),
        (
            f"{PARTS}[generate]\nguidance_scale = 2.0\nsteps_for_thirty = 900\n",
            "steps_for_thirty in [generate], where it has no effect. Write steps_for_thirty above the first line in",
        ),
        (f"{PARTS}[finetune]\nsteps-for-thirty = 900\n", "has steps_for_thirty in [finetune], where it has no effect."),
        (f"{PARTS}[sizes]\ndecoder = 4\nsubjects = 2\n", "has subjects in [sizes], where it has no effect."),
        (f"{PARTS}[sizes]\nunet = 4\n", "has unet = 4 in [sizes]. Give bytes for clip, prior, decoder."),
        (f"{PARTS}[sizes]\nprior = '4 GB'\n", 'has prior = "4 GB" in [sizes]. Give bytes for clip,'),
        (f"{PARTS}[finetune]\nrank = 0\n", "mine.toml, [finetune]: rank is 0. Give 1 to 4096."),
        (f"{PARTS}[generate]\nguidance = 2.0\n", "[generate]: There is no setting 'guidance'. Did you mean guidance_"),
        (f"{PARTS}[generate]\nfoo = 2.0\n", "[generate]: There is no setting 'foo'. Settings are: batch_size, best,"),
        (f'{PARTS}[finetune]\nstart_from = "ab"\n', "[finetune]: start_from belongs to one run. Leave out start_from."),
        (f"{PARTS}[finetune]\nweights = {{rex = 2}}\n", "[finetune]: weights belongs to one run. Leave out weights."),
        (f"{PARTS}[finetune]\nbatch-size = 2\nbatch_size = 2\n", "[finetune]: batch_size is given twice. Keep one."),
        (f'name = "x"\n{PARTS}[finetune]\nname = "x"\n', "[finetune]: There is no setting 'name'. Settings are:"),
        (f"{PARTS}[revisions]\nprior = 3\n", "The stack's revision of prior is 3. Give a commit, a tag or a branch."),
    ],
)
def test_a_wrong_toml_file_is_refused(tmp_path, text, said):
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(InvalidSetting) as error:
        from_toml(tmp_path / "mine.toml")
    assert said in str(error.value)


def test_settings_may_have_dashes_as_in_a_file_of_settings(tmp_path):
    (tmp_path / "mine.toml").write_text(f"{PARTS}[finetune]\nlearning-rate = 3e-4\n[generate]\nguidance-scale = 2.0\n")
    spec = from_toml(tmp_path / "mine.toml")
    assert (spec.finetune, spec.generate) == ({"learning_rate": 3e-4}, {"guidance_scale": 2.0})


def test_a_toml_file_that_takes_long_to_read_is_refused_by_its_size(tmp_path):
    (tmp_path / "mine.toml").write_text("a." * 50_000 + "b = 1\n")
    with pytest.raises(ModelFilesMissing, match="it has more than 16384 bytes"):
        from_toml(tmp_path / "mine.toml")


def test_a_stack_that_is_not_there_is_said(tmp_path):
    with pytest.raises(InvalidSetting, match=r"There is no stack 'minature'\. Did you mean miniature\?"):
        resolve_stack("minature")
    with pytest.raises(ModelFilesMissing, match=r"none\.toml cannot be read"):
        resolve_stack(str(tmp_path / "none.toml"))
