"""The states of an empty prompt against transformers' own."""

import pytest
import torch
from transformers import CLIPTextModelWithProjection, CLIPTokenizer

from lambda_studio.errors import ModelFilesInvalid
from lambda_studio.models.decoders.unclip.empty_text import empty_text, find_text, text_config, tokenizer_files
from lambda_studio.models.files.sources import Source
from tests.lambda_studio.models.decoders.unclip.small import DIMS, LENGTH, save_karlo


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return Source(str(save_karlo(tmp_path_factory.mktemp("models") / "karlo")))


def test_the_encoder_reads_the_start_the_end_and_the_padding(source):
    files = find_text(source)
    assert {path.name for path in tokenizer_files(files)} == {
        "vocab.json", "merges.txt", "special_tokens_map.json", "tokenizer_config.json"
    }  # fmt: skip
    assert files["text_encoder_config"] == text_config(source)
    text = empty_text(files, projects=True)
    tokens = CLIPTokenizer.from_pretrained(source.folder / "tokenizer")(
        "", padding="max_length", max_length=LENGTH, return_tensors="pt"
    )
    with torch.no_grad():
        said = CLIPTextModelWithProjection.from_pretrained(source.folder / "text_encoder")(tokens.input_ids)
    assert torch.equal(text.hidden_states, said.last_hidden_state) and torch.equal(text.pooled, said.text_embeds)
    assert text.hidden_states.shape == (1, LENGTH, DIMS["l"])
    assert text.mask.tolist() == [[True, True, *[False] * (LENGTH - 2)]]
    plain = empty_text(files, projects=False)
    assert plain.pooled is None and torch.equal(plain.hidden_states, said.last_hidden_state)


def test_files_that_are_no_text_encoder_are_refused(source, tmp_path):
    files = find_text(source)
    (tmp_path / "text_encoder").mkdir()
    (tmp_path / "text_encoder/config.json").write_bytes(files["text_encoder_config"].read_bytes())
    broken = tmp_path / "text_encoder/model.safetensors"
    broken.write_bytes(b"no tensors")
    with pytest.raises(ModelFilesInvalid, match=r"text_encoder holds no usable CLIPTextModel \("):
        empty_text({**files, "text_encoder": broken}, projects=False)
