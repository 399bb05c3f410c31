"""A model is tuned on what was accepted, stands beside the old one, is chosen after a look, and taken back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import SimpleITK as sitk

from tests.fixtures.prompt_model import case, tune_quickly, write_prompt_model
from viewer.cli.command_line import Screen, command_line
from viewer.cli.headless_session import HeadlessStage
from viewer.compute.engine.engine import Engine
from viewer.compute.networks.model_cards import Card, find_card
from viewer.io.images.save import save_image
from viewer.io.segmentations.segmentation_file import save_segmentation
from viewer.plugin.discovery import discover
from viewer.scene.edits import AddLayer
from viewer.scene.layer import volume_layer
from viewer.scene.segmentation_layer import segmentation_layer
from viewer.scene.task import Task
from viewer.session.learning.case_split import case_hash
from viewer.session.learning.learning import CHOICE, SEE_FIRST, Learning
from viewer.session.learning.tuned_models import figures, split_of
from viewer.session.runs.prompts import MODEL, PLUGIN

PATIENTS = ("a", "b", "c")


@pytest.fixture
def models(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's models: a small one that answers prompts."""
    tune_quickly(monkeypatch)
    write_prompt_model(home / "data" / "models")
    return home / "data" / "models"


@pytest.fixture
def stage(models: Path) -> Iterator[HeadlessStage]:
    with HeadlessStage() as stage:
        yield stage


def open_cases(stage: HeadlessStage, patients: tuple[str, ...] = PATIENTS, **fields: object) -> None:
    for seed, patient in enumerate(patients):
        image, segmentation = case(patient, seed, **fields)
        layer = volume_layer((image,))
        stage.session.history.do(AddLayer(layer))
        stage.session.history.do(AddLayer(segmentation_layer(segmentation, layer)))


def tuned(stage: HeadlessStage) -> Task:
    task = stage.session.learning.tune()
    stage.until(lambda: not task.running)
    return task


def card_of(stage: HeadlessStage, task: Task) -> Card:
    assert task.state == "done", task.error
    learning = stage.session.learning
    stage.until(lambda: any(one.name == task.text for one in learning.tuned))
    return next(one for one in learning.tuned if one.name == task.text)


def pass_gates(card: Card) -> None:
    """As if the tuned model were better: what is chosen is not about how good it is."""
    path = card.folder / "card.json"
    entries = json.loads(path.read_text())
    for gate in entries["gates"]:
        gate["passed"] = True
    path.write_text(json.dumps(entries))


def chosen_after_a_look(stage: HeadlessStage, card: Card) -> Card:
    pass_gates(card)
    learning, models = stage.session.learning, stage.session.models
    models.look()
    stage.until(lambda: all(gate.passed for one in learning.tuned for gate in one.gates))
    return next(one for one in learning.tuned if one.name == card.name)


def test_the_default_model_is_the_plugins() -> None:
    parameters = {one.name: one for one in discover()[0][PLUGIN].parameters}
    assert parameters["model"].default == MODEL


def test_the_tuned_model_stands_beside_the_old_one_and_says_what_it_is(stage: HeadlessStage, models: Path) -> None:
    before = {path: path.read_bytes() for path in (models / MODEL).iterdir()}
    open_cases(stage)
    task = tuned(stage)
    assert task.kind == "tune"  # no result that stands beside an input
    card = card_of(stage, task)
    assert before == {path: path.read_bytes() for path in (models / MODEL).iterdir()}
    assert card.verified()
    assert (card.network, card.ranges) == (find_card(MODEL).network, {})
    assert (card.training["base"], card.training["base_sha256"]) == (MODEL, find_card(MODEL).sha256)
    split = split_of(card)
    assert not {*split.train} & {*split.held_back}
    assert {*split.train, *split.held_back} == {case_hash(f"patient {one}") for one in PATIENTS}
    assert [(one.held_back, one.clicks) for one in figures(card)] == [
        (True, 1), (True, 2), (True, 5), (False, 1), (False, 2)
    ]  # fmt: skip
    assert all(0 <= one.old <= 1 and 0 <= one.new <= 1 and one.structures for one in figures(card))
    assert len(card.gates) == 2
    texts = (card.folder / "card.json").read_text()
    assert not [one for one in PATIENTS if f"patient {one}" in texts or f'"{one}"' in texts]
    assert not list((models.parents[1] / "state" / "tuning").glob("*"))  # nothing is left to go on with


def test_it_can_be_chosen_only_after_the_table_was_shown_and_is_taken_back(stage: HeadlessStage, home: Path) -> None:
    session, learning = stage.session, stage.session.learning
    session.review.trail.move_to(home)
    open_cases(stage, PATIENTS[:2])
    card = chosen_after_a_look(stage, card_of(stage, tuned(stage)))
    assert learning.obstacle(card) == SEE_FIRST
    with pytest.raises(ValueError, match="Look at the comparison"):
        learning.choose(card)
    assert session.prompts.model == learning.chosen == MODEL
    learning.note_shown(card)
    learning.choose(card)
    assert session.prompts.model == card.name
    with HeadlessStage() as later:  # it lasts
        assert later.session.prompts.model == card.name
    learning.take_back()
    assert session.prompts.model == learning.chosen == MODEL
    assert not learning.can_take_back
    with HeadlessStage() as later:
        assert later.session.prompts.model == MODEL
    assert [card.name, MODEL] == [
        entry["facts"]["model"]
        for entry in map(json.loads, session.review.trail.path.read_text().splitlines())
        if entry["what"] == "model"
    ]


def test_a_model_that_is_no_better_is_refused_with_the_reason(stage: HeadlessStage) -> None:
    learning = stage.session.learning
    open_cases(stage, PATIENTS[:2])
    card = card_of(stage, tuned(stage))
    entries = json.loads((card.folder / "card.json").read_text())
    entries["gates"][0] |= {"measured": -0.02, "passed": False}
    (card.folder / "card.json").write_text(json.dumps(entries))
    stage.session.models.look()
    stage.until(lambda: any(gate.measured == -0.02 for one in learning.tuned for gate in one.gates))
    (card,) = learning.tuned
    learning.note_shown(card)
    with pytest.raises(ValueError, match=r"no better than the old model .*-0\.020"):
        learning.choose(card)


def test_a_tuned_model_is_tuned_further_and_its_cases_stay_in_their_parts(stage: HeadlessStage) -> None:
    learning = stage.session.learning
    open_cases(stage)
    first = chosen_after_a_look(stage, card_of(stage, tuned(stage)))
    learning.note_shown(first)
    learning.choose(first)
    open_cases(stage, ("d", "e"))
    second = card_of(stage, tuned(stage))
    assert second.training["base"] == first.name
    assert second.name.count("tuned") == 1
    before, after = split_of(first), split_of(second)
    assert {*before.train} <= {*after.train}
    assert {*before.held_back} <= {*after.held_back}
    assert not {*after.train} & {*after.held_back}


@pytest.mark.parametrize(
    ("patients", "fields", "reason"),
    [
        ((), {}, "No correction is accepted yet"),
        (PATIENTS, {"review": "edited"}, "No correction is accepted yet"),
        (("a", "a"), {}, "Only one case has accepted structures"),
    ],
)
def test_without_enough_cases_it_says_what_is_missing(
    stage: HeadlessStage, patients: tuple[str, ...], fields: dict[str, str], reason: str
) -> None:
    open_cases(stage, patients, **fields)
    task = tuned(stage)
    assert (task.state, reason in task.error) == ("failed", True), task.error


def harm(models: Path, kind: str) -> None:
    weights = models / MODEL / "weights.safetensors"
    if kind == "cut short":
        weights.write_bytes(weights.read_bytes()[:3000])
    elif kind == "of another size":
        card = json.loads((models / MODEL / "card.json").read_text())
        card["network"]["arguments"]["widths"] = [4, 4, 8]
        (models / MODEL / "card.json").write_text(json.dumps(card))
    else:
        weights.unlink()


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("cut short", "not those that its card"), ("of another size", "do not fit the network"), ("gone", "are missing")],
)
def test_weights_that_cannot_be_tuned_are_named(stage: HeadlessStage, models: Path, kind: str, reason: str) -> None:
    harm(models, kind)
    open_cases(stage, PATIENTS[:2])
    task = tuned(stage)
    assert (task.state, reason in task.error) == ("failed", True), task.error


def test_a_cancelled_tuning_goes_on_to_the_same_model(stage: HeadlessStage, models: Path) -> None:
    learning = stage.session.learning
    open_cases(stage, PATIENTS[:2])
    task = learning.tune()
    stage.until(lambda: task.text == "tuning")
    task.cancel()
    stage.until(lambda: not task.running)
    assert task.state == "cancelled"
    assert not [path for path in models.iterdir() if path.name != MODEL]
    assert list((models.parents[1] / "state" / "tuning").glob("*/*"))
    resumed = card_of(stage, tuned(stage)).name
    whole = card_of(stage, tuned(stage)).name  # from the beginning, for nothing was left
    assert resumed == whole


def test_a_full_disk_while_the_model_is_installed_is_said(
    stage: HeadlessStage, models: Path, mounted: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viewer.session.learning.tuned_models.models_folder", lambda: mounted("size=16k"))
    open_cases(stage, PATIENTS[:2])
    task = tuned(stage)
    assert (task.state, "the disk is full" in task.error, "nothing is lost" in task.error) == ("failed", True, True)
    assert list((models.parents[1] / "state" / "tuning").glob("*/*"))


@pytest.mark.slow
def test_an_engine_that_is_killed_is_said_and_the_cases_stay(stage: HeadlessStage) -> None:
    session = stage.session
    engine = Engine(session.background.post)
    learning = Learning(
        session.document, engine, session.reader, session.prompts, session.models, session.review.trail,
        session.background, session.tasks,
    )  # fmt: skip
    open_cases(stage, PATIENTS[:2])
    others = psutil.Process().children()
    task = learning.tune()
    stage.until(lambda: task.text == "the model as it is" or not task.running)
    started = [process for process in psutil.Process().children() if process not in others]
    max(started, key=lambda process: process.memory_info().rss).kill()  # the engine, which holds torch
    stage.until(lambda: not task.running)
    assert (task.state, "tune again to go on" in task.error) == ("failed", True), task.error
    learning.close()


def test_the_command_tunes_on_the_completed_cases_of_a_list(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, entries = tmp_path / "cases" / "tomolens-review", []
    output.mkdir(parents=True)
    for seed, (name, state) in enumerate((("one", "completed"), ("two", "completed"), ("three", "flagged"))):
        image, segmentation = case("", seed, review="source")
        (tmp_path / "cases" / name).mkdir()
        save_image((image,), tmp_path / "cases" / name / "image.nii.gz", "nifti")
        save_segmentation(segmentation, output / f"{name}.seg.nrrd")
        saved = {"id": name, "image": f"{name}/image.nii.gz", "segmentation": "", "state": state, "reader": "",
                 "remark": "", "seconds": 1, "saved": f"{name}.seg.nrrd", "layer": ""}  # fmt: skip
        entries.append(saved)
    document = {"version": 1, "seed": 1, "blinded": False, "cases": entries}
    (output / "tasks.json").write_text(json.dumps(document))
    screen = Screen(lambda: None, str, lambda *_: 0)  # type: ignore[arg-type, return-value]
    assert command_line(["tune", str(tmp_path / "cases"), "--json"], screen) == 0
    told = json.loads(capsys.readouterr().out)
    assert [len(told["cases"][part]) for part in ("train", "held_back")] == [1, 1]
    assert find_card(told["model"]).training["base"] == told["base"] == MODEL
    assert command_line(["tune", str(tmp_path / "cases"), "--minutes", "0"], screen) == 2
    sitk.WriteImage(sitk.Image(4, 4, 4, sitk.sitkInt16), str(tmp_path / "cases" / "one" / "other.nii.gz"))
    assert command_line(["tune", str(tmp_path / "cases")], screen) == 3
    assert "more than one" in capsys.readouterr().err


def test_a_damaged_choice_costs_the_choice(models: Path, home: Path) -> None:
    (home / "config").mkdir(parents=True)
    for text in ("{", '{"a": 1}', "[1]"):
        (home / "config" / CHOICE).write_text(text)
        with HeadlessStage() as stage:
            assert stage.session.prompts.model == MODEL
