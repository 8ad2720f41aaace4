"""An oracle is named by a person."""

import pytest
import torch

from lambda_studio.errors import InvalidSetting, ModelFilesMissing
from lambda_studio.evaluation.concept_bed.named import find_oracle
from lambda_studio.evaluation.concept_bed.oracle import Oracle
from lambda_studio.miniature.judge.concept_oracle import ConceptOracle

CPU = torch.device("cpu")


def test_the_miniatures_oracle_is_built_in() -> None:
    found = find_oracle("miniature", CPU)
    assert isinstance(found, ConceptOracle) and isinstance(found, Oracle)


def test_the_other_oracles_need_their_folder(tmp_path) -> None:
    with pytest.raises(ModelFilesMissing, match=r"no config\.json of a classifier.*hf download timm/convnext_base"):
        find_oracle(f"timm:{tmp_path}", CPU)
    with pytest.raises(ModelFilesMissing, match=r"no config\.json of a ViLT.*hf download dandelin/vilt"):
        find_oracle(f"vilt:{tmp_path}", CPU)


@pytest.mark.parametrize("named", ["resnet", "timm:", "vilt", "miniature:folder", ""])
def test_any_other_name_is_refused(named) -> None:
    with pytest.raises(InvalidSetting, match=r"There is no oracle .*miniature timm:FOLDER vilt:FOLDER"):
        find_oracle(named, CPU)
