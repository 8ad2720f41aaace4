"""Settings for fine-tuning."""

from lambda_studio.config import FinetuneConfig


def test_the_learning_rate_is_the_given_one_or_the_methods() -> None:
    assert FinetuneConfig(learning_rate=2e-4).effective_learning_rate == 2e-4
    assert FinetuneConfig().effective_learning_rate == 1e-4
    assert FinetuneConfig(method="full").effective_learning_rate == 1e-5


def test_another_optimiser_does_not_take_the_learning_rate_that_is_preferred_for_adamw() -> None:
    preferred = {"learning_rate": 1e-4, "steps": 7}
    sgd = FinetuneConfig(optimizer="torch.optim:SGD").preferring(preferred)
    assert (sgd.learning_rate, sgd.steps) == (None, 7)
    assert FinetuneConfig(optimizer="adamw-8bit").preferring(preferred).learning_rate == 1e-4
    its_own = {**preferred, "optimizer": "torch.optim:SGD"}
    assert FinetuneConfig().preferring(its_own) == FinetuneConfig(**its_own)
    assert FinetuneConfig(optimizer="torch.optim:SGD").preferring(its_own).learning_rate == 1e-4
