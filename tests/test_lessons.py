"""A training is what was asked for: it is done once, kept under its name, and read from there."""

import os
import re
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
import torch
from jupyter_client.manager import run_kernel
from making import bands, stop_in_epoch

from fer_utils import CourseError, lessons, training
from fer_utils.data import Split
from fer_utils.lessons import (
    Loop,
    is_finished,
    load_trained,
    ok,
    results_to_show,
    show_committed,
    show_source,
    trained,
    training_seconds,
    training_to_judge,
)
from fer_utils.models import build_model, conv_block, count_parameters
from fer_utils.recipes import NamedRecipe
from fer_utils.runs import Run
from fer_utils.support.checkpoints import digest, read_metadata
from fer_utils.support.devices import describe_device
from fer_utils.support.run_tables import rows_hash
from fer_utils.training import Recipe, Result, Trainer, fit, validate

ROOT = Path(__file__).parents[1]
ASKED = NamedRecipe("my_net:TinyNet", 0.3, Recipe(epochs=2, batch_size=16, learning_rate=0.01, precision="float32"))
TINY = """
from torch import nn


class TinyNet(nn.Sequential):
    def __init__(self, n_classes, dropout=0.5):
        super().__init__(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(144, 16), nn.ReLU(), nn.Dropout(dropout),
                         nn.Linear(16, n_classes))
"""


@pytest.fixture
def parts():
    return Split(bands(48), bands(24, seed=1), bands(24, seed=2))


@pytest.fixture
def run(home):
    (home / "notebooks").mkdir()
    (home / "notebooks" / "my_net.py").write_text(TINY)
    return Run.open("lessons")


class Counted:
    """The course's loop, and the seeds of the trainings that it was really asked to do."""

    def __init__(self, name: str = "course"):
        self.seeds = []
        self.loop = Loop(name, self.fit)

    def fit(self, model, train, val, recipe, seed, *rest) -> Result:
        self.seeds.append(seed)
        return fit(model, train, val, recipe, seed, *rest)


@pytest.fixture
def counted():
    return Counted()


@pytest.fixture
def ask(run, parts, counted):
    """Train in the run, silently, what differs from ASKED in what is given."""

    def ask(asked=ASKED, parts=parts, seed=0, run=run, log=lambda _: None, loop=counted.loop, **recipe) -> Result:
        asked = asked._replace(recipe=replace(asked.recipe, **recipe))
        return trained(run, parts, asked, seed, "cpu", log, loop)

    return ask


def same(one: Result, other: Result) -> bool:
    pd.testing.assert_frame_equal(one.history, other.history, check_exact=True)
    weights = other.model.state_dict()
    return one.training == other.training and one.recipe == other.recipe and all(
        value.equal(weights[name]) for name, value in one.model.state_dict().items())


def code_of(shown: str) -> str:
    return re.search(r"```python\n(.*)\n```", shown, re.DOTALL)[1]


def test_the_source_shown_is_the_source_that_runs():
    assert code_of(show_source(conv_block).data).startswith("from torch import nn\n\n\ndef conv_block(")
    shown = show_source(fit).data
    assert shown.startswith('<div style="overflow-x: auto">') and "\n\n```python\n" in shown
    assert "from fer_utils.training import" in shown and "\nimport math\n" not in shown
    assert max(len(line) for line in code_of(show_source(Trainer).data).splitlines()) <= 120


def test_a_source_takes_the_width_of_its_longest_line_and_no_more():
    for thing in (conv_block, fit):
        shown = show_source(thing).data
        room = float(re.search(r"min-width: (\d+)em", shown)[1])
        longest = max(len(line) for line in code_of(shown).splitlines())
        assert 0.6 * longest <= room < 0.6 * longest + 2, thing


def test_what_a_notebook_shows_runs_where_it_is_pasted(tmp_path):
    for path in sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb")):
        for n, cell in enumerate(nbformat.read(path, as_version=4).cells):
            if cell.cell_type == "code" and cell.source.startswith("show_source("):
                code = code_of(cell.outputs[0].data["text/markdown"])
                exec(code, {})
                (tmp_path / f"{path.stem}_{n}.py").write_text(code, encoding="utf-8")
    assert len(list(tmp_path.iterdir())) > 20
    undefined = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F821", str(tmp_path)]
    assert subprocess.run(undefined, capture_output=True, text=True).stdout.strip() == "All checks passed!"


def test_a_claim_is_printed_with_its_number_or_raised_with_it(capsys):
    ok("two and two are less than five", 2 + 2 < 5, 2 + 2)
    ok("every face smiles", False, "3 of 5 do", required=False)
    assert capsys.readouterr().out == "✓ two and two are less than five: 4\n✗ every face smiles: 3 of 5 do\n"
    with pytest.raises(AssertionError, match="^nothing is lost: 7 bytes are$"):
        ok("nothing is lost", False, "7 bytes are")
    assert not capsys.readouterr().out


def shown_in_a_rehearsal(name: str) -> dict:
    with results_to_show(name, {"found": "here"}, rehearsal=True) as shown:
        return shown


def test_what_was_found_here_is_shown_without_a_clone(monkeypatch):
    def no_clone():
        raise CourseError("no notebooks")

    monkeypatch.setattr(lessons, "clone", no_clone)
    with results_to_show("techniques", {"found": "here"}, rehearsal=False) as shown:
        assert shown == {"found": "here"}
    with pytest.raises(CourseError, match="no notebooks"):
        shown_in_a_rehearsal("techniques")


def test_the_committed_run_is_found_from_any_home(home, capsys):
    assert shown_in_a_rehearsal("techniques")["removed"]["dropout"]["n"] == 3 and shown_in_a_rehearsal("nothing") == {}
    with results_to_show("techniques", {"found": "here"}, rehearsal=False) as shown:
        assert shown == {"found": "here"}
    show_committed("techniques_differences")
    shown = capsys.readouterr().out
    assert "image/png" in shown and "What each technique adds to the best validation accuracy" in shown


def test_a_committed_figure_that_is_missing_is_said_in_one_sentence(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(lessons, "clone", lambda: tmp_path)
    show_committed("ablations")
    assert capsys.readouterr().out == (
        "FER2013's figure is missing here: reports/fer2013/figures/ablations.png of the course's clone.\n")
    assert shown_in_a_rehearsal("beyond") == {}


@pytest.mark.parametrize("content", [b"", b"{", b"\x89PNG\r\n\x1a\n", b"[1]", "cut"])
def test_a_committed_file_that_is_damaged_is_named_in_one_sentence(monkeypatch, tmp_path, content):
    shown = (lessons.clone() / "reports/fer2013/figures/speed_steps.png").read_bytes()
    monkeypatch.setattr(lessons, "clone", lambda: tmp_path)
    for show, file in ((shown_in_a_rehearsal, "metrics/speed.json"), (show_committed, "figures/speed.png")):
        path = tmp_path / "reports" / "fer2013" / file
        path.parent.mkdir(parents=True)
        path.write_bytes(shown[:len(shown) // 2] if content == "cut" else content)
        with pytest.raises(CourseError) as caught:
            show("speed")
        assert str(caught.value).startswith(f"{path} is ") and len(str(caught.value)) <= 400


def test_a_finished_training_is_read_not_repeated(run, ask, counted):
    lines = []
    first = ask(log=lines.append)
    left = run.training(first.training).state(0)
    left.touch()  # as by a kill after the last weights
    second = ask(log=lines.append)
    assert not left.exists()
    assert counted.seeds == [0] and "training now, 2 epochs on 48 images" in lines[0] and "trained before" in lines[-1]
    assert second.best["val_acc"] == first.best["val_acc"] and same(first, second)
    assert not first.model.training and not second.model.training


def test_the_courses_own_loop_is_the_default(run, parts):
    first = trained(run, parts, ASKED, log=lambda _: None)
    assert run.training(first.training).asked()["loop"] == lessons.COURSE.name == "course"
    assert lessons.COURSE.fit is fit


def test_what_was_asked_for_is_written_down(run, parts, ask):
    result = ask()
    kept = run.training(result.training)
    assert kept.name == result.training and kept.name.startswith("TinyNet-")
    assert kept.asked() == {
        "training": kept.name, "model": "my_net:TinyNet", "dropout": 0.3, "classes": ["Angry", "Happy", "Neutral"],
        "loop": "course", "recipe": asdict(ASKED.recipe), "precision": "float32",
        "parameters": count_parameters(result.model), "teacher": None,
        "train": {"n": 48, "fingerprint": parts.train.fingerprint},
        "val": {"n": 24, "fingerprint": parts.val.fingerprint},
        "trained_on": {"0": describe_device(torch.device("cpu"))}} | {
            key: value for key, value in kept.asked().items() if key == "split_seed"}
    assert sorted(path.name for path in kept.path.glob("[!.]*")) == ["recipe.json", "seed0.csv", "seed0.safetensors"]
    epoch = int(result.best["epoch"])
    assert read_metadata(kept.weights(0)) == {"architecture": "TinyNet", "training": kept.name, "epoch": epoch,
                                              "rows": rows_hash(result.history, epoch), "finished": 2}
    assert run.read()["precision"] == "float32" and run.read()["device"].startswith("cpu")
    without = ask(NamedRecipe("PosterCNN-no-batch-norm", None, ASKED.recipe), parts._replace(val=None), epochs=1)
    asked = run.training(without.training).asked()
    assert asked["model"] == "PosterCNN-no-batch-norm" and asked["dropout"] == 0.5 and asked["val"] is None
    assert without.training.startswith("PosterCNN-")
    assert same(load_trained(run.training(without.training), 0, "cpu"), without)


def test_seeds_keep_their_own_histories_and_weights(run, ask, counted):
    first, second = ask(seed=0), ask(seed=1)
    assert first.training == second.training and counted.seeds == [0, 1]
    assert same(ask(seed=0), first) and same(ask(seed=1), second) and counted.seeds == [0, 1]
    assert run.training(first.training).seeds() == [0, 1]
    assert first.history["train_loss"][0] != second.history["train_loss"][0]
    assert run.trainings()[["training", "seed"]].values.tolist() == [[first.training, 0], [first.training, 1]]


def test_two_recipes_in_one_run_are_both_kept(run, parts, ask, counted):
    first, second = ask(), ask(flip=False)
    assert first.training != second.training and counted.seeds == [0, 0]
    assert same(ask(), first) and same(ask(flip=False), second) and counted.seeds == [0, 0]
    assert same(ask(degrees=10, precision="float32"), first), "a default that is said is no other recipe"
    assert set(run.trainings()["training"]) == {first.training, second.training}
    for other in ({"learning_rate": 0.02}, {"asked": ASKED._replace(dropout=0.1)},
                  {"parts": parts._replace(train=bands(45))}, {"parts": parts._replace(val=bands(21, seed=1))}):
        ask(**other)
    assert len(counted.seeds) == 6 and len(set(run.trainings()["training"])) == 6
    ask(parts=parts._replace(test=bands(3)))
    assert len(counted.seeds) == 6, "the test images are not what is trained on"


def test_two_loops_with_and_without_validation_are_four_trainings(run, parts, ask):
    course, reference = Counted("course"), Counted("reference")
    without, made = parts._replace(val=None), {}
    for loop in (course, reference):
        for some in (parts, without):
            made[loop.loop.name, some.val is None] = ask(parts=some, loop=loop.loop)
    assert len({result.training for result in made.values()}) == len(set(run.trainings()["training"])) == 4
    for loop in (course, reference):
        for some in (parts, without):
            assert same(ask(parts=some, loop=loop.loop), made[loop.loop.name, some.val is None])
        assert loop.seeds == [0, 0]
    table = run.trainings().set_index("training")
    for (loop, blind), result in made.items():
        assert table.loc[result.training, "loop"] == loop
        assert np.isnan(table.loc[result.training, "val_acc"]) == blind
        assert table.loc[result.training, "epoch"] == (2 if blind else result.best["epoch"])


def test_a_job_of_a_sweep_keeps_its_trainings_in_the_run_that_sweeps(run, ask, counted):
    job = Run.open("lessons/sweep/04_training/learning_rate-0.01")
    result = ask(run=job)
    assert same(ask(), result) and counted.seeds == [0]
    assert run.training(result.training).path.parent == run.path / "trainings" and not list(job.path.glob("trainings"))
    assert run.trainings().equals(job.trainings()) and len(run.trainings()) == 1
    assert "precision" in job.read() and "precision" not in run.read()


@pytest.mark.parametrize("damage", [
    lambda kept: kept.write_history(0, kept.history(0).head(1)),
    lambda kept: (kept.path / "seed0.csv").unlink(),
    lambda kept: kept.weights(0).unlink(),
    lambda kept: kept.weights(0).write_bytes(b"not weights"),
    lambda kept: kept.weights(0).write_bytes(b""),
    lambda kept: kept.weights(0).write_bytes(kept.weights(0).read_bytes()[:-1]),
    lambda kept: kept.weights(0).write_bytes(kept.weights(0).read_bytes()[:20]),
    lambda kept: (kept.path / "recipe.json").unlink(),
], ids=["stopped", "no history", "no weights", "foreign", "empty", "cut", "cut short", "no recipe"])
def test_what_is_unfinished_or_damaged_is_trained_anew(run, ask, counted, damage):
    result = ask()
    kept = run.training(result.training)
    assert is_finished(kept, 0) and not is_finished(kept, 1)
    damage(kept)
    assert not is_finished(kept, 0)
    again = ask()
    assert counted.seeds == [0, 0] and is_finished(kept, 0)
    assert same(replace(again, history=again.history.assign(seconds=0)),
                replace(result, history=result.history.assign(seconds=0)))


def test_weights_of_another_epoch_than_the_best_are_unfinished(run, ask):
    result = ask()
    kept = run.training(result.training)
    history = kept.history(0)
    kept.write_history(0, history.assign(saved=history["epoch"] != result.best["epoch"]))
    assert not is_finished(kept, 0)


def test_a_training_stopped_by_hand_is_kept_and_can_be_loaded(run, parts, ask, counted, monkeypatch):
    with monkeypatch.context() as patch:
        stop_in_epoch(patch, 3)
        stopped = ask(epochs=9)
    assert len(stopped.history) == 2
    kept = run.training(stopped.training)
    assert not is_finished(kept, 0) and len(kept.history(0)) == 2 and kept.asked()["recipe"]["epochs"] == 9
    assert kept.state(0).exists()
    loaded = load_trained(kept, 0, "cpu")
    assert same(loaded, stopped) and loaded.recipe.epochs == 9
    x, y = training.on_device(parts.val, torch.device("cpu"))
    assert validate(loaded.model, x, y)[1].item() / 24 == pytest.approx(stopped.best["val_acc"])
    assert run.trainings()["epochs_done"].tolist() == [2]
    lines = []
    whole = ask(epochs=9, log=lines.append)
    assert "going on after epoch 2 of 9 epochs" in lines[0] and lines[1].startswith("Epoch [3/9]")
    assert whole.training == stopped.training and len(whole.history) == 9 and counted.seeds == [0, 0]
    pd.testing.assert_frame_equal(stopped.history, whole.history.head(2), check_exact=True)
    assert is_finished(kept, 0) and not kept.state(0).exists()
    uncut = fit(build_model(ASKED.model, 3, ASKED.dropout, seed=0), parts.train, parts.val, whole.recipe, device="cpu",
                log=lambda _: None)
    pd.testing.assert_frame_equal(*(one.history.drop(columns="seconds") for one in (whole, uncut)), check_exact=True)
    assert all(value.equal(uncut.model.state_dict()[name]) for name, value in whole.model.state_dict().items())


def test_a_kill_between_any_two_writes_mixes_nothing(ask, monkeypatch):
    """Trainings of four epochs: the first ends, as by a kill, at its first write, the next at its second, and so on."""
    written, last, place = [], None, os.replace

    def write(source, target) -> None:
        if target.name.startswith(("seed0", "run.json")):
            if len(written) == last:
                raise SystemExit
            written.append(target.name)
        place(source, target)

    monkeypatch.setattr(os, "replace", write)
    whole, all_of_them = ask(epochs=4, run=Run.open("whole")), written.copy()
    assert all_of_them[:4] == ["run.json", "seed0.state.safetensors", "seed0.csv", "seed0.safetensors"]
    assert len(all_of_them) > 11
    for last in range(len(all_of_them)):
        run = Run.open(f"cut-{last}")
        written.clear()
        with pytest.raises(SystemExit):
            ask(epochs=4, run=run)
        kept, last = run.training(whole.training), None
        assert not is_finished(kept, 0)
        with suppress(CourseError):  # there are none yet, or they do not belong together
            loaded = load_trained(kept, 0, "cpu")
            x, y = training.on_device(bands(24, seed=1), torch.device("cpu"))
            assert validate(loaded.model, x, y)[1].item() / 24 == pytest.approx(loaded.best["val_acc"])
        again = ask(epochs=4, run=run)
        assert same(replace(again, history=again.history.assign(seconds=0)),
                    replace(whole, history=whole.history.assign(seconds=0)))
        assert is_finished(kept, 0) and not kept.state(0).exists()
        assert run.read() == Run.open("whole").read(), "of what device and precision, too"


def test_a_loss_that_is_no_number_is_found_again_at_once(run, ask, counted, monkeypatch):
    train_epoch, begun = training.train_epoch, []

    def diverging(*arguments):
        begun.append(1)
        return train_epoch(*arguments) * (np.nan if len(begun) >= 3 else 1)

    monkeypatch.setattr(training, "train_epoch", diverging)
    for epochs_begun in (3, 4):
        with pytest.raises(CourseError, match="ends in epoch 3"):
            ask(epochs=9)
        assert len(begun) == epochs_begun
    kept = run.training(run.trainings()["training"][0])
    assert len(load_trained(kept, 0, "cpu").history) == 2


@pytest.mark.parametrize("damage", [
    lambda path: path.write_bytes(path.read_bytes()[:-1]), lambda path: path.write_bytes(b""),
    lambda path: path.write_bytes(b"not a state"), lambda path: path.unlink(),
    lambda path: path.write_bytes(path.read_bytes()[:-1] + bytes([path.read_bytes()[-1] ^ 1])),
], ids=["cut", "empty", "foreign", "missing", "one bit"])
def test_a_damaged_state_is_none(run, ask, monkeypatch, damage):
    with monkeypatch.context() as patch:
        stop_in_epoch(patch, 3)
        stopped = ask(epochs=4)
    kept, lines = run.training(stopped.training), []
    damage(kept.state(0))
    whole = ask(epochs=4, log=lines.append)
    assert "training now, 4 epochs" in lines[0] and len(whole.history) == 4 and is_finished(kept, 0)
    pd.testing.assert_frame_equal(*(one.history.drop(columns="seconds").head(2) for one in (stopped, whole)))


@pytest.mark.parametrize("seed", [-1, 2**32, 0.5, "one"])
def test_a_seed_that_is_none_is_refused(ask, seed):
    with pytest.raises(CourseError, match="seed is .*: give a whole number from 0 to 4,294,967,295"):
        ask(seed=seed)


def test_a_training_with_no_weights_yet_says_so_when_it_is_loaded(run, ask, monkeypatch):
    stop_in_epoch(monkeypatch, 1)
    with pytest.raises(KeyboardInterrupt):
        ask()
    name, = (path.name for path in (run.path / "trainings").iterdir())
    assert run.trainings().empty and not is_finished(run.training(name), 0)
    with pytest.raises(CourseError, match="no weights .*: train the model first"):
        load_trained(run.training(name), 0)


def test_an_edited_network_of_ones_own_is_another_training(home, run, ask, counted):
    first = ask()
    (home / "notebooks" / "my_net.py").write_text(TINY.replace("nn.ReLU", "nn.SiLU"))
    second = ask()
    assert first.training != second.training and counted.seeds == [0, 0]
    (home / "notebooks" / "my_net.py").write_text(TINY + "\n\ndef unused():\n    pass\n")
    assert ask().training not in (first.training, second.training)


def test_a_training_knows_its_classes(run, ask):
    names = ("bored", "curious", "joy", "puzzled", "shy")
    five = Split(bands(50, classes=names), bands(25, seed=1, classes=names), bands(25, seed=2, classes=names))
    result = ask(parts=five)
    kept = run.training(result.training)
    assert kept.asked()["classes"] == list(names)
    assert load_trained(kept, 0, "cpu").model(torch.rand(2, 1, 48, 48)).shape == (2, 5)


def test_another_teacher_is_another_training_and_a_cut_one_goes_on_with_its_own(run, parts, monkeypatch):
    asked = ASKED._replace(recipe=replace(ASKED.recipe, taught=0.5))
    teachers = [build_model(ASKED.model, 3, seed=seed) for seed in (7, 8)]

    def ask(teacher, where=run) -> Result:
        return trained(where, parts, asked, 0, "cpu", lambda _: None, teacher=teacher)

    first, second = map(ask, teachers)
    assert first.training != second.training and same(ask(teachers[0]), first)
    kept = [run.training(one.training).asked()["teacher"] for one in (first, second)]
    assert kept == [digest(teacher) for teacher in teachers] and len(set(kept)) == 2
    with monkeypatch.context() as patched:
        stop_in_epoch(patched, 2)
        assert len(ask(teachers[0], Run.open("cut")).history) == 1
    again = ask(teachers[0], Run.open("cut"))
    pd.testing.assert_frame_equal(*(one.history.drop(columns="seconds") for one in (again, first)), check_exact=True)
    with pytest.raises(CourseError, match="there is no teacher"):
        ask(None)


def test_the_seed_decides_weights_order_and_dropout_wherever_it_is_trained(parts, run, ask):
    torch.rand(11)
    first = ask(seed=4)
    model = build_model(ASKED.model, 3, ASKED.dropout, seed=4)
    second = fit(model, parts.train, parts.val, ASKED.recipe, seed=4, device="cpu", log=lambda _: None)
    assert all(value.equal(model.state_dict()[name]) for name, value in first.model.state_dict().items())
    pd.testing.assert_frame_equal(*(one.history.drop(columns="seconds") for one in (first, second)), check_exact=True)


def test_the_training_to_judge_is_the_one_made_last_or_the_one_named(run, parts, ask):
    first, second = ask(), ask(flip=False)
    run.record(training=first.training)
    assert training_to_judge(run, parts).name == first.training
    assert training_to_judge(run, parts, second.training) == run.training(second.training)
    with pytest.raises(CourseError, match="has no training 'PosterCNN-1a2b3c4d'"):
        training_to_judge(run, parts, "PosterCNN-1a2b3c4d")


def test_where_there_is_none_the_posters_recipe_is_trained_and_said(run, parts, monkeypatch, capsys):
    monkeypatch.setitem(lessons.RECIPES, "poster", ASKED)
    made = training_to_judge(run, parts, seed=3, device="cpu")
    assert "no training yet: the poster's recipe is trained here" in capsys.readouterr().out
    assert is_finished(made, 3) and made.seeds() == [3]
    assert (run.read()["training"], run.read()["seeds"]) == (made.name, [3])
    assert training_to_judge(run, parts, seed=3) == made and not capsys.readouterr().out


def test_a_training_that_cannot_be_judged_here_is_one_sentence(run, parts, ask):
    blind, other = ask(parts=parts._replace(val=None)), ask(parts=parts._replace(val=bands(21, seed=1)))
    for result, words in ((blind, "without validation images"), (other, "another split of these faces")):
        with pytest.raises(CourseError, match=words) as caught:
            training_to_judge(run, parts, result.training)
        assert len(str(caught.value)) <= 400 and result.training in str(caught.value)


def test_seconds_of_a_training_count_once(ask):
    first, second = ask(seed=0), ask(seed=1)
    total = first.history["seconds"].sum() + second.history["seconds"].sum()
    assert training_seconds([first, second, ask(seed=0), first]) == pytest.approx(total)
    assert training_seconds([]) == 0


TRAINING = """
from making import bands
from fer_utils.data import Split
from fer_utils.lessons import trained
from fer_utils.recipes import NamedRecipe
from fer_utils.runs import Run
from fer_utils.training import Recipe
parts = Split(bands(48), VAL, bands(24))
trained(Run.open("watched"), parts, NamedRecipe("FastCNN", 0.0, Recipe(epochs=3)), device="cpu")
"""


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """A function: what a kernel tells of a training, as (kind, content); `asks` as of one who sits before it."""
    paths = {"FER_HOME": str(tmp_path_factory.mktemp("watched")),
             "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "tests")))}
    with run_kernel(env=os.environ | paths) as client:
        def execute(val: str, asks: bool) -> list[tuple[str, dict]]:
            said = []
            done = client.execute_interactive(TRAINING.replace("VAL", val), allow_stdin=asks, timeout=300, output_hook=(
                lambda message: said.append((message["msg_type"], message["content"]))))
            assert done["content"]["status"] == "ok", done
            return said

        yield execute


@pytest.mark.parametrize("val", ["bands(24, seed=1)", "None"])
def test_whoever_sits_before_a_notebook_sees_a_bar_and_one_figure_that_grows(executed, val):
    said = executed(val, asks=True)
    shown = [content for kind, content in said if kind in ("display_data", "update_display_data")]
    assert [kind for kind, _ in said].count("display_data") == 1
    assert len({one["transient"]["display_id"] for one in shown}) == 1
    *grown, last = [one["data"]["text/html"] for one in shown]
    assert last == "" and [re.search(r'max="3" value="(\d)"', html)[1] for html in grown] == ["0", "1", "2", "3"]
    assert ["<img" in html for html in grown] == [False, False, True, True]
    assert {content["name"] for kind, content in said if kind == "stream"} == {"stdout"}
    lines = "".join(content["text"] for kind, content in said if kind == "stream").splitlines()
    assert len([line for line in lines if line.startswith("Epoch [")]) == 3


def test_nobody_sits_before_what_papermill_and_nbval_execute(executed):
    kinds = {kind for kind, _ in executed("bands(24, seed=2)", asks=False)}
    assert "stream" in kinds and not kinds & {"display_data", "update_display_data"}


def test_two_dropout_rates_of_a_function_are_two_trainings(run, parts, home, monkeypatch):
    (home / "wet.py").write_text(
        "import torch.nn.functional as F\nfrom torch import nn\n\n\nclass Wet(nn.Module):\n"
        "    def __init__(self, n_classes, dropout=0.5):\n        super().__init__()\n"
        "        self.dense, self.rate = nn.Linear(2304, n_classes), dropout\n\n    def forward(self, x):\n"
        "        return self.dense(F.dropout(x.flatten(1), self.rate, self.training))\n")
    monkeypatch.chdir(home)
    one, two = (trained(run, parts, NamedRecipe("wet:Wet", rate, ASKED.recipe), device="cpu", log=lambda _: None)
                for rate in (0.1, 0.9))
    assert one.training != two.training
    assert [run.training(each.training).asked()["dropout"] for each in (one, two)] == [0.1, 0.9]
    assert load_trained(run.training(two.training), 0, "cpu").model.rate == 0.9


def test_seeds_trained_at_the_same_time_each_keep_their_machine(run):
    training = run.new_training("A-1")
    training.write_asked({"training": "A-1", "trained_on": {"0": "cpu (one)"}})
    training.write_asked({"training": "A-1", "trained_on": {"1": "cpu (another)"}})
    assert training.asked()["trained_on"] == {"0": "cpu (one)", "1": "cpu (another)"}
