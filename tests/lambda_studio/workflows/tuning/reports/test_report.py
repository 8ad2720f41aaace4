"""A run's report is one file that says what was trained, how it went and how to do it again."""

import re
import shlex
from dataclasses import fields, replace
from html import unescape
from html.parser import HTMLParser

from cli.training.finetune import command as finetune
from lambda_studio.config import FinetuneConfig
from lambda_studio.workflows.answers.runs import Remark
from lambda_studio.workflows.tuning import run as tuning
from lambda_studio.workflows.tuning.reports.report import RunReport, command, curve, html_of

CONFIG = FinetuneConfig(steps=6, rank=2, learning_rate=0.01)
PICTURE = b"\x89PNG"


class Sources(HTMLParser):
    """Collects what a page would load, and the names of its elements."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.tags: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.add(tag)
        self.loaded += [value for name, value in attrs if name in ("src", "href", "xlink:href")]


def report(put, plain, **changed) -> RunReport:
    concepts = [put("rex", plain("red"), plain("blue"))]
    given = {"run_id": 7, "stack": "tiny", "concepts": concepts, "config": CONFIG, "losses": [0.4, 0.2], "adapter": 3}
    return RunReport(**{**given, **changed})


def test_a_report_needs_nothing_outside_of_its_file(put, plain) -> None:
    page = html_of(report(put, plain), PICTURE)
    found = Sources(page)
    assert [source.partition(",")[0] for source in found.loaded] == ["data:image/png;base64"]
    assert not found.tags & {"script", "link", "iframe", "object"}
    assert "@import" not in page and "url(" not in page
    assert "<h2>Previews</h2>" in page
    assert "<h2>Previews</h2>" not in html_of(report(put, plain, run_id=8), None)


def test_it_says_what_was_trained_and_how_to_do_it_again(put, plain) -> None:
    page = unescape(html_of(report(put, plain, remarks=[Remark("rex", "its subject is tiny")]), None))
    for said in (
        "Run 7: rex",
        "lora on 1 concept, 6 steps. It made adapter 3.",
        "<td>rex</td><td>dog</td><td>1</td><td>2</td>",
        "rex: its subject is tiny",
        "<td><code>rank</code></td><td>2</td>",
        "studio finetune --rebuild 3",
        "studio.finetune(['rex'], FinetuneConfig(rank=2, steps=6, learning_rate=0.01))",
        "stack tiny",
    ):
        assert said in page
    assert "<code>seed</code>" not in page, "it is at its default"


def test_its_settings_are_the_steps_and_what_differs_from_the_stacks_own(put, plain) -> None:
    config = FinetuneConfig(steps=400, rank=32, batch_size=4, masked_loss=True, report_to=("tensorboard",))
    own = {"rank": 32, "batch_size": 8}
    page = unescape(html_of(report(put, plain, config=config, preferences=own), None))
    assert "The steps, and what differs from the defaults of tiny." in page
    rows = re.findall(r"<td><code>(\w+)</code></td><td>(.*?)</td>", page)
    assert rows == [("batch_size", "4"), ("masked_loss", "yes"), ("report_to", "tensorboard"), ("steps", "400")]
    call = "FinetuneConfig(rank=32, steps=400, batch_size=4, masked_loss=True, report_to=('tensorboard',))"
    assert f"studio.finetune(['rex'], {call})" in page


def test_the_command_is_for_how_the_run_ended_and_began(put, plain) -> None:
    stopped = html_of(report(put, plain, adapter=None), None)
    assert "It was stopped at step 2." in stopped
    assert "<pre>studio finetune --resume</pre>" in stopped
    begun = replace(CONFIG, start_from="ab" * 32, weights={"my rex": 2.0})
    assert "studio finetune 'my rex' --from abababababab" in unescape(html_of(report(put, plain, config=begun), None))


def test_the_command_of_a_run_that_began_with_an_adapter_gives_its_settings(put, plain) -> None:
    config = FinetuneConfig(
        steps=20, rank=16, learning_rate=1e-3, start_from="ab" * 32, weights={"mug": 2.0}, use_dora=True,
        preview_prompts=("a <mug>", "a <mug> on a hill"), lr_scheduler="cosine",
    )  # fmt: skip
    own = {"rank": 16, "random_flip": True, "use_rslora": True, "masked_loss": True, "conditions": "scenes"}
    words = shlex.split(command(report(put, plain, config=config, preferences=own)))
    assert words[:5] == ["studio", "finetune", "mug", "--from", "abababababab"]
    context = finetune.make_context("finetune", words[2:])
    given = {name: value for name, value in context.params.items() if value is not None}
    wanted = {
        "steps": 20,
        "rank": 16,
        "batch_size": 4,
        "learning_rate": 1e-3,
        "use_dora": True,
        "lr_scheduler": "cosine",
        "random_flip": False,
        "use_rslora": False,
        "masked_loss": False,
        "conditions": "paper",
    }
    assert wanted.items() <= given.items() and given["preview_prompts"] == ("a <mug>", "a <mug> on a hill")


def test_every_setting_has_an_option_for_the_command() -> None:
    options = {option for param in finetune.params for option in param.opts}
    without = {"weights", "start_from", "preview_prompts"}
    names = [field.name for field in fields(FinetuneConfig) if field.name not in without]
    assert [name for name in names if f"--{name.replace('_', '-')}" not in options] == []
    switches = {each.name for each in finetune.params if each.secondary_opts}
    assert switches == {name for name in names if isinstance(getattr(FinetuneConfig, name), bool)}


def test_images_that_were_held_back_are_not_counted_as_trained_on(put, plain) -> None:
    page = html_of(report(put, plain, held_back={"rex": ["red.png"]}), None)
    assert "<td>rex</td><td>dog</td><td>1</td><td>1</td>" in page


def test_names_and_prompts_of_strangers_are_text(put, plain) -> None:
    hostile = "<script>alert(1)</script>"
    concept = replace(put("max", plain("red")), name=hostile, noun='"><img src=x>')
    shown = report(
        put,
        plain,
        concepts=[concept],
        config=replace(CONFIG, preview_prompts=(hostile,)),
        remarks=[Remark(hostile, hostile)],
    )
    found = Sources(html_of(shown, None))
    assert "script" not in found.tags
    assert found.loaded == []


def test_the_curve_lies_inside_its_axes() -> None:
    for losses in ([], [0.1], [0.3, 0.1, 5.0] * 700):
        drawn = curve(losses)
        points = [tuple(map(float, pair.split(","))) for pair in drawn["points"].split()]
        assert len(points) <= 1000
        assert all(drawn["left"] <= x <= drawn["width"] and 0 <= y <= drawn["height"] for x, y in points)
        assert len(points) == len(losses) or len(losses) > 500


def test_a_run_writes_its_report_also_when_it_is_stopped_and_forgetting_deletes_it(studio, add, photo) -> None:
    add("rex", photo)
    stopped = studio.finetune(["rex"], CONFIG, should_stop=lambda: any(studio.home.glob("runs/*/loss.jsonl")))
    assert "was stopped at step 1" in stopped.report.read_text()
    done = studio.finetune([], resume=True)
    assert done.report == stopped.report
    page = done.report.read_text()
    assert re.search(r"made adapter 1\b", page)
    studio.concepts.forget("rex", None, lambda found: None)
    assert not done.report.exists()


def test_a_report_that_cannot_be_written_does_not_fail_the_run(studio, add, photo, monkeypatch, notices) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    add("rex", photo)
    monkeypatch.setattr(tuning, "write_report", refuse)
    done = studio.finetune(["rex"], CONFIG)
    assert (done.report, done.adapter.id) == (None, 1)
    assert notices[-1] == "The report was not written: [Errno 28] No space left on device"
    assert studio.runs.get(done.run_id).state == "finished"
