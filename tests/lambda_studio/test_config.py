"""The front of all settings."""

from lambda_studio import config
from lambda_studio.settings import adapters, base, benchmarks, drawing, finetuning


def test_one_module_gives_the_settings_of_every_use_case() -> None:
    given = {name: getattr(config, name) for name in config.__all__}
    modules = [vars(module) for module in (adapters, base, benchmarks, drawing, finetuning)]
    assert {name: next(each[name] for each in modules if name in each) for name in given} == given
