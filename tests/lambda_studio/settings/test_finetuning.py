"""Settings for fine-tuning."""

from lambda_studio.config import FinetuneConfig


def test_the_learning_rate_is_the_given_one_or_the_methods() -> None:
    assert FinetuneConfig(learning_rate=2e-4).effective_learning_rate == 2e-4
    assert FinetuneConfig().effective_learning_rate == 1e-4
    assert FinetuneConfig(method="full").effective_learning_rate == 1e-5
