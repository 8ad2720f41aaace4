"""What a model's report lends."""

import torch
from torch import nn

from lambda_studio.training.hooks import ModelReport
from lambda_studio.training.optimisation.ema import MovingAverage


def test_a_model_is_lent_with_its_average_for_evaluation_and_is_afterwards_as_it_was() -> None:
    model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Dropout(0.5)).train()
    model[1].eval()
    weight = model[0].weight
    average = MovingAverage({"0.weight": weight}, 0.9)
    with torch.no_grad():
        weight.add_(1)
    trained = weight.detach().clone()
    with ModelReport(2, 4, model, average).evaluating() as lent:
        assert not any(module.training for module in lent.modules())
        assert not lent(torch.ones(1, 1)).requires_grad
        assert torch.equal(weight, trained - 1)
    assert torch.equal(weight, trained)
    assert [module.training for module in model.modules()] == [True, True, False]


def test_a_model_without_an_average_is_lent_as_it_is() -> None:
    model = nn.Linear(1, 1).train()
    trained = model.weight.detach().clone()
    with ModelReport(1, 1, model, None).evaluating() as lent:
        assert torch.equal(lent.weight, trained)
    assert model.training
