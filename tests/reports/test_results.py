"""The rows that README.md, the site and a run's own page are made of."""

import re

import pandas as pd
import pytest

from fer_utils import CourseError
from fer_utils.runs import Run
from fer_utils.support.run_tables import HISTORY
from reports import results

TINY = "TinyNet-0123abcd"
TRAINING = {"train_size": 700, "val_size": 300, "epochs": 3, "seeds": [0, 1], "mean": 0.84321, "std": 0.00654,
            "seconds_per_epoch": 1.4}
PART = {"accuracy": 0.87654, "accuracy_ci": [0.81234, 0.91234], "n": 345}
SCORES = PART | {"macro_f1": 0.85432, "seeds": [0, 1], "mean": 0.86111, "std": 0.01222, "scored_on": "test",
                 "chosen_on": "validation", "clean": PART | {"n": 300},
                 "per_class": {"<script>alert(1)</script>": {"n": 45, "recall": 0.90123, "recall_ci": [0.86, 0.93]}}}
BASELINES = {"majority": {"class": "Sad|Glad", "accuracy": 0.44637, "accuracy_ci": [0.4, 0.5], "n": 345}}


@pytest.fixture
def run(home) -> Run:
    """A run of a reader's own network on classes with odd names."""
    run = Run.open("own")
    run.record(drawn=False, counts={"Training": {"Sad|Glad": 1000}, "Test": {"Sad|Glad": 345}}, evaluated=TINY,
               training="Other-00000000", processor="<script>alert(2)</script>")
    other = TRAINING | {"mean": 0.5, "seeds": [4], "std": None}
    run.write_metrics("training", {TINY: TRAINING, "Other-00000000": other})
    run.write_metrics("evaluation", {TINY: SCORES, "baselines": BASELINES, "Other-00000000": SCORES | {"mean": 0.1}})
    return run


def test_the_summary_is_of_the_training_that_was_evaluated(run):
    assert results.table(results.summary(results.read(run))).splitlines() == [
        "|  | n | result |", "| :-- | --: | :-- |",
        "| best validation accuracy, 2 seeds | 300 | 0.8432 ± 0.0065 |",
        "| test accuracy, the seed chosen on validation | 345 | 0.8765 (0.8123 to 0.9123) |",
        "| test accuracy, 2 seeds | 345 | 0.8611 ± 0.0122 |",
        "| always Sad\\|Glad, the most frequent class | 345 | 0.4464 (0.4000 to 0.5000) |"]


@pytest.mark.parametrize("n", [{"a": 1}, [1, 2], "many"])
def test_a_count_that_is_no_number_is_damage(run, n):
    run.write_metrics("evaluation", {TINY: SCORES | {"n": n}, "baselines": BASELINES})
    with pytest.raises(CourseError, match="evaluation.json is damaged"):
        results.report(run)


def under_shifts(mean: float) -> dict:
    by_shift = {"noise": [PART] * 3, "blur": [PART] * 3}
    return PART | {"mean": mean, "mean_ci": [mean - 0.01, mean + 0.01], "by_shift": by_shift}


def test_new_faces_are_rows_and_the_one_that_holds_out_best_is_on_the_first_page(run):
    effect = {"difference": 0.05, "difference_ci": [0.04, 0.06], "n": 3}
    run.write_metrics("new_faces", {
        "scored_on": "test", "n_val": 100, "network": "PosterCNN", "reference": "Deep",
        "networks": {"Deep": under_shifts(0.7), "Deep robust": under_shifts(0.75)},
        "against": {"Deep robust": effect | {"n": 345}}, "bought": {"Mean over all shifts": {"both": effect}},
        "other": SCORES | {"source": "sketches"}})
    found = results.read(run)
    best = results.summary(found)[-1]
    assert best.what == "test accuracy, mean over 2 shifts of the picture, Deep robust"
    assert (best.n, best.result, best.others) == (345, "0.7500 (0.7400 to 0.7600)", "0.7000, Deep")
    rows = next(section.rows for section in results.sections(found) if section.title == "New faces")
    said = {row.what: row.result for row in rows}
    assert said["mean over all shifts, Deep robust over Deep"] == "+5.0 points (+4.0 to +6.0), better"
    assert said["FastCNN, both, mean over all shifts, 3 pairs of seeds"] == "+5.0 points (+4.0 to +6.0), helped"
    assert said["accuracy of PosterCNN on another collection, sketches, drawn faces"] == "0.8765 (0.8123 to 0.9123)"


def test_what_goes_further_is_rows_and_the_last_network_is_on_the_first_page(run):
    paired = {"difference": 0.004, "difference_ci": [-0.001, 0.009], "n": 300}
    final = {"seconds": 600.0, "parameters": 10, "trained_on": "a GPU"}
    seeds = {"accuracy_per_seed": [0.87, 0.88], "mean": 0.875, "std": 0.0071}
    run.write_metrics("further", {
        "n_val": 300, "reference": {"epochs": 20, **PART}, "tried": {"wider": {"epochs": 20, "paired": paired, **PART}},
        "for_long": {"CutMix": {"epochs": 80, "paired": paired, **PART}},
        "seeds": [0, 1], "over_seeds": {"WideCNN": seeds},
        "finals": {"WideCNN": final}, "members": ["WideCNN", "Deep"], "rival": "Deep",
        "test": {"Deep": PART, "WideCNN": PART, "together": PART},
        "against": {"together": {"all": paired | {"difference_ci": [0.002, 0.006], "n": 345}}},
        "all_expressions": {"WideCNN": {"PrivateTest": PART | seeds | {"n": 99, "together": PART}}},
        "shifts": {"reference": "Deep", "networks": {"Deep": PART | {"mean": 0.8, "mean_ci": [0.79, 0.81]}},
                   "against": {"WideCNN": paired}}})
    run.write_metrics("peak", {"images_per_s": {"product": 2000, "reached": 1800}, "course_images_per_s": 1500})
    found = results.read(run)
    assert results.summary(found)[-1] == results.Row(
        "test accuracy, together, the mean of 3 networks", 345, "0.8765 (0.8123 to 0.9123)")
    sections = {section.title: [(row.what, row.n, row.result) for row in section.rows]
                for section in results.sections(found)}
    assert sections["Further"] == [
        ("the reference, AttentionCNN, 20 epochs", 300, "0.8765 (0.8123 to 0.9123)"),
        ("wider, 20 epochs", 300, "0.8765 (0.8123 to 0.9123); +0.4 points (-0.1 to +0.9), not shown"),
        ("all expressions, CutMix, 80 epochs", 300,
         "0.8765 (0.8123 to 0.9123); +0.4 points (-0.1 to +0.9), not shown over no CutMix"),
        ("test accuracy, WideCNN, the first seed, a training of 10 min on a GPU", 345, "0.8765 (0.8123 to 0.9123)"),
        ("test accuracy, WideCNN, 2 seeds", 345, "0.8750 ± 0.0071"),
        ("test accuracy, together, the mean of 3 networks", 345, "0.8765 (0.8123 to 0.9123)"),
        ("together over Deep, on the same images", 345, "+0.4 points (+0.2 to +0.6), better"),
        ("accuracy on all expressions, WideCNN, the first seed, PrivateTest", 99, "0.8765 (0.8123 to 0.9123)"),
        ("accuracy on all expressions, WideCNN, 2 seeds, PrivateTest", 99, "0.8750 ± 0.0071"),
        ("accuracy on all expressions, WideCNN, together, PrivateTest", 99, "0.8765 (0.8123 to 0.9123)"),
        ("mean accuracy of Deep under 42 shifts", 345, "0.8000 (0.7900 to 0.8100)"),
        ("WideCNN over Deep there", 300, "+0.4 points (-0.1 to +0.9), not distinguishable")]
    assert sections["Speed"] == [("the course's loop against the processor's own matrix products of the same shapes",
                                  None, "0.75 of the speed (1,500 and 2,000 images/s)")]


def test_the_training_that_counts(home):
    run = Run.open("counting")
    assert results.counting(run) is None and results.sections(results.read(run)) == []
    run.write_metrics("training", {"A-1": TRAINING})
    assert results.counting(run) == "A-1"
    run.record(training="B-2")
    assert results.counting(run) == "B-2"
    run.record(evaluated="C-3")
    assert results.counting(run) == "C-3"


def test_the_page_has_every_table_and_names_every_training(run):
    path = results.write_report("own")
    page = path.read_text(encoding="utf-8")
    assert path == run.path / "README.md" and page == results.report(run)
    for part in ("## Accuracy", "| the chosen seed without leaked images | 300 |",
                 "| macro-F1 of the chosen seed | 345 | 0.8543", "1,000 for training and 345 for testing.",
                 "## All trainings", "| Other-00000000, 3 epochs, 1 seed | 300 | 0.5000 (0.4438 to 0.5562) |",
                 "700 of the training images are learnt from", "1 s an epoch"):
        assert part in page, part
    assert "the poster" not in page and "public result" not in page and "people" not in page


def test_names_are_text_and_no_markup(run):
    page = results.report(run)
    assert r"\<script\>alert(1)\</script\>" in page and r"\<script\>alert(2)\</script\>" in page
    assert not re.search(r"(?<!\\)<script", page)
    assert results.escaped("a|b\n*c* [d](e) `f` $g$") == r"a\|b \*c\* \[d\](e) \`f\` \$g\$"


def test_settings_come_from_the_recipe_and_a_stop_is_said(run):
    training = run.new_training(TINY)
    training.write_asked({"model": "my_net:TinyNet", "dropout": None,
                          "recipe": {"epochs": 3, "erase": 0.0, "learning_rate": 0.01}})
    for seed, epochs in ((0, 3), (1, 2)):
        row = {"seed": seed, "train_loss": 1.0, "val_loss": 1.0, "val_acc": 0.5, "saved": True, "seconds": 1.0}
        history = pd.DataFrame([row | {"epoch": epoch} for epoch in range(1, epochs + 1)], columns=HISTORY)
        training.write_history(seed, history)
    said = results.making(results.read(run))
    assert said.startswith("my_net:TinyNet with epochs 3, learning rate 0.01. "
                           "Seed 1 was stopped after 2 of 3 epochs. Computed on")


def test_verdicts_of_the_later_notebooks(run):
    def pair(difference, interval, n=3):
        return {"difference": difference, "difference_ci": interval, "n": n}

    run.write_metrics("techniques", {"removed": {"flip": pair(0.0288, [0.0052, 0.0524]), "tea": pair(-0.01, None, 1)}})
    run.write_metrics("beyond", {
        "n_val": 300, "compared": {"Big": {"epochs": 4}}, "paired": {"Big over Small": pair(-0.02, [-0.03, -0.01])}})
    rows = {row.what: row.result for section in results.sections(results.read(run)) for row in section.rows}
    assert rows["flip, 3 pairs of seeds"] == "+2.9 points (+0.5 to +5.2), helped"
    assert rows["tea, 1 pair of seeds"] == "-1.0 points, not shown"
    assert rows["Big over Small, 4 epochs, 3 pairs of seeds"] == "-2.0 points (-3.0 to -1.0), worse"


def test_one_seed_says_its_interval(run):
    found = results.read(run)
    one = found._replace(training=TRAINING | {"seeds": [0], "std": None, "mean": 0.5})
    assert results.best_validation(one)[0].result == "0.5000 (0.4438 to 0.5562)"


def test_beside_the_poster(run):
    found = results.read(run)
    poster = {"best_val_acc": 0.7923, "largest_train_loss_gap": 0.0177, "distance_in_std": -1.26}
    base = {"class_competition": {"accuracy": 0.76696}, "best_public_result": {"accuracy": 0.82244}}
    beside = found._replace(training=TRAINING | {"poster": poster}, baselines=BASELINES | base)
    assert results.statements(beside) == [
        "The poster's best validation accuracy lies 1.3 standard deviations below the mean of 2 seeds.",
        "The training loss is never further than 0.018 from the poster's.",
        "The test accuracy of the chosen seed beats the class competition's baseline."]
    assert [row.others for row in results.summary(beside)] == [
        "0.7923, the poster's one training", "0.76696, the class competition's baseline", "–", "–", "0.65 ± 0.05"]


def test_drawn_faces_put_no_rehearsal_on_the_first_page(run):
    found = results.read(run)._replace(timed={"budget": {
        "scored_on": "test", "trained_on": 1000, "median_seconds": 3.2, "n": 2, "mean": 0.4, "std": 0.1,
        "per_seed": [{"n": 345}], "mean_ci": [0.3, 0.5]}})
    last = "test accuracy, recipe “fast-muon” on all 1,000 training images, 3 s, 2 seeds"
    assert results.summary(found)[-1] == results.Row(last, 345, "0.4000 ± 0.1000")
    assert len(results.summary(found._replace(run={"drawn": True}))) == len(results.summary(found)) - 1


def test_a_run_without_metrics_is_said(home):
    with pytest.raises(CourseError, match="fer run --run nothing"):
        results.write_report("nothing")
