"""The notebooks as they are stored: short cells, few outputs that are not compared, and sentences that are true."""

import math
import re
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from scipy.stats import binom, ks_2samp, t
from torch import nn

from fer_utils import models
from fer_utils.augment import views
from fer_utils.data import Faces, Split, audit, identical, load_faces, split
from fer_utils.evaluation import apply_temperature, verdict, wilson
from fer_utils.recipes import RECIPES
from fer_utils.runs import Run
from fer_utils.support.published import POSTER_TRAIN, poster_log
from fer_utils.training import to_tensor
from reports import results

ROOT = Path(__file__).parents[1]
NOTEBOOKS = {path.stem: nbformat.read(path, as_version=4) for path in sorted(ROOT.glob("notebooks/*.ipynb"))}
LESSONS = [name for name in NOTEBOOKS if name[:2] != "10"]
RUN = Run(ROOT / "reports" / "fer2013")


def text(name: str) -> str:
    """All that the notebook says between its code, on one line."""
    name = next(stem for stem in NOTEBOOKS if stem.startswith(name))
    return " ".join(" ".join(cell.source for cell in NOTEBOOKS[name].cells if cell.cell_type == "markdown").split())


def code_cells(name: str) -> list:
    return [cell for cell in NOTEBOOKS[name].cells if cell.cell_type == "code"]


def tags(cell) -> set[str]:
    return set(cell.metadata.get("tags", []))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_cell_has_at_most_fifteen_lines(name):
    long = {cell.source.splitlines()[0]: len(cell.source.splitlines()) for cell in code_cells(name)
            if not tags(cell) & {"setup", "parameters"} and not cell.source.startswith(("import", "from"))}
    assert {first: n for first, n in long.items() if n > 15} == {}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_at_most_a_quarter_of_the_cells_with_text_are_not_compared(name):
    told = [cell for cell in code_cells(name)
            if {output.output_type for output in cell.outputs} & {"stream", "execute_result"}]
    exempt = [cell for cell in told if "nbval-ignore-output" in tags(cell)]
    assert 4 * len(exempt) <= len(told), f"{len(exempt)} of {len(told)} are exempt"


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_claim_has_a_number_and_holds(name):
    printed = "".join(output.get("text", "") for cell in code_cells(name) for output in cell.outputs)
    assert not re.findall(r"^.*\b(?:True|False)$", printed, re.MULTILINE)
    assert "✗" not in printed
    claims = re.findall(r"^✓ .*$", printed, re.MULTILINE)
    assert all(re.search(r"\d", claim.rpartition(": ")[2]) for claim in claims)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_no_word_of_aims_that_the_reader_never_set(name):
    assert not re.findall(r"\b(aims?|aiming|targets? set|goals?)\b", text(name))


@pytest.mark.parametrize("name", LESSONS)
def test_what_is_to_be_seen_is_said_after_a_figure(name):
    cells = NOTEBOOKS[name].cells
    assert cells[1].source.startswith("**What you will learn**")
    for cell, after in zip(cells, cells[1:], strict=False):
        if "save_figure(" in cell.source and after.cell_type == "markdown":
            assert after.source.startswith("**What to see"), after.source[:80]


def questions(name: str) -> list[str]:
    """The five questions at a lesson's end, each with its answer and the checks in it."""
    (asked,) = re.findall(r"## Five questions\n(.*?)(?=\n## |\n\*\*Next)", NOTEBOOKS[name].cells[-1].source, re.DOTALL)
    return re.findall(r"<details>.*?</details>", asked, re.DOTALL)


def printed(name: str) -> str:
    """All that the notebook prints in its stored outputs, on the sample."""
    name = next(stem for stem in NOTEBOOKS if stem.startswith(name))
    return "".join(output.get("text", "") for cell in code_cells(name) for output in cell.outputs)


def seen(parts: Split) -> int:
    """Validation images that training holds as well."""
    known = {image.tobytes() for image in parts.train.images}
    return sum(image.tobytes() in known for image in parts.val.images)


def mirrored(faces: Faces) -> int:
    """Images whose mirror image is among them."""
    numbers = identical(np.concatenate([faces.images, faces.images[:, :, ::-1]]))
    return int(np.isin(numbers[: len(faces)], numbers[len(faces):]).sum())


def possible_sizes(m: int) -> int:
    """How many sizes of a validation set, up to 5,000, explain the first m accuracies of the poster's log."""
    accuracies, sizes = poster_log()["val_acc"].to_numpy()[:m], np.arange(100, POSTER_TRAIN // 2 + 1)
    shares = np.rint(np.outer(sizes, accuracies)) / sizes[:, None]
    return int(((np.round(shares, 4) == accuracies).all(axis=1) & (sizes <= 5000)).sum())


def numbers(words: str) -> set[float]:
    """Every number in a text, without its sign."""
    return {float(number.replace(",", "")) for number in re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", words)}


@pytest.fixture(scope="module")
def known() -> dict:
    """What a check may name: the sample, FER2013's committed numbers, the course's functions, numpy and torch."""
    course = [audit, apply_temperature, identical, ks_2samp, mirrored, poster_log, possible_sizes, printed, seen, split,
              to_tensor, verdict, views, wilson]
    names = {"math": math, "np": np, "pd": pd, "re": re, "torch": torch, "nn": nn, "F": F, "binom": binom, "t": t}
    names |= {one.__name__: one for one in course} | {"models": models, "RECIPES": RECIPES}
    return names | {"faces": load_faces("sample", verbose=False), "fer2013": RUN.read_metrics}


@pytest.mark.parametrize("name", LESSONS)
def test_every_answer_is_true_and_has_a_check_that_holds_its_numbers(name, known):
    assert len(questions(name)) == 5
    for number, asked in enumerate(questions(name), 1):
        assert asked.startswith(f"<details><summary>{number}. ")
        checks = re.findall(r"<!-- check: (.*?) -->", asked, re.DOTALL)
        assert checks, f"{name}: no check stands beside answer {number}"
        for check in checks:
            assert eval(check, dict(known)), f"{name}, answer {number}: {check}"
        no_claim = r"<!--.*?-->|<summary>.*?</summary>|`[^`]*`|[Nn]otebook\s\d+|Check \d|[a-zA-Z]+\d+"
        unchecked = numbers(re.sub(no_claim, "", asked, flags=re.DOTALL)) - numbers(" ".join(checks))
        assert not unchecked, f"{name}, answer {number}: no check names {unchecked}"


def test_what_is_planted_in_the_sample(known):
    found, said = audit(known["faces"]).sum(), text("01")
    copies, twins = found["copies_in_train"], found["twins_across"]
    assert f"{copies} training images are second copies of another one, three of them" in said
    assert found["conflicting"] == 2 * 3 and found["blank"] == found["copies_in_test"] == 0
    assert f"{twins} test images have a twin in training. The audit finds these and nothing else." in said
    assert f"of the {copies} pairs that are planted in the drawn faces about 13 are" in text("02")
    assert round(copies * 2 * 0.3 * 0.7) == 13


def points(found: dict) -> str:
    return f"{100 * found['difference']:.1f}"


def test_what_the_techniques_added_on_fer2013():
    found, said = RUN.read_metrics("techniques"), text("06")
    added = found["removed"]
    assert {name: verdict(one["difference_ci"]) for name, one in added.items()} == {
        "augmentation": "helped", "dropout": "helped", "batch normalisation": "not shown"}
    assert f"Augmentation adds {points(added['augmentation'])} points and dropout {points(added['dropout'])}," in said
    assert f"Batch normalisation adds {points(added['batch normalisation'])} points, the most of the three" in said
    assert max(added, key=lambda name: added[name]["difference"]) == "batch normalisation"
    assert {one["n"] for one in added.values()} == {3} and found["epochs"] == 20
    wide = {name: t.ppf(1 - 0.05 / 6, 2) * np.std(one["gaps"], ddof=1) / 3**0.5 for name, one in added.items()}
    ends = {name: [f"{100 * (added[name]['difference'] + side * half):+.1f}" for side in (-1, 1)]
            for name, half in wide.items()}
    said_so = "By it none of the three is shown on FER2013: augmentation's interval is then {} to {} points, " \
              "batch normalisation's {} to {}, dropout's {} to {}."
    assert said_so.format(*ends["augmentation"], *ends["batch normalisation"], *ends["dropout"]) in said
    assert all(added[name]["difference"] < half for name, half in wide.items())
    recipe = added["dropout"]["accuracy_with"]
    assert f"are earlier trainings, {100 * np.ptp(recipe):.1f}." in said
    for name, one in added.items():
        pairs = t.ppf(0.975, 2) * np.std(one["gaps"], ddof=1) / 3**0.5
        groups = t.ppf(0.975, 4) * np.sqrt((np.var(one["accuracy_with"], ddof=1)
                                            + np.var(one["accuracy_without"], ddof=1)) / 3)
        assert (pairs < groups) == (name == "dropout")
    fields = pd.DataFrame(found["grid"]).groupby(["batch_size", "learning_rate"])["val_acc"]
    means, lost = fields.mean(), []
    for size in (32, 64, 128):
        lost.append(100 * (means[(size, 0.001)] - means[(size, 0.003)]))
    assert f"the best field is {100 * (means.max() - means[(64, 0.001)]):.1f} points better" in said
    assert means.max() - means[(64, 0.001)] < fields.agg(np.ptp).mean()
    assert f"each batch size loses {min(lost):.1f} to {max(lost):.1f} points, the largest batch most" in said
    assert lost[2] == max(lost) and means.idxmax() == (32, 0.0003)  # a corner


def test_what_depth_attention_and_the_ladder_gave_on_fer2013():
    found, said = RUN.read_metrics("beyond"), text("07")
    depth, equal_work, attention = (found["paired"][name] for name in (
        "ResidualCNN over PosterCNN", "ResidualCNN over PosterCNN, equal work", "AttentionCNN over ResidualCNN"))
    assert f"Depth is {points(depth)} points ahead at equal epochs, which is not shown" in said
    assert f"At equal work it loses {100 * abs(equal_work['difference']):.1f} points" in said
    assert f"Attention adds {points(attention)} points to depth" in said
    assert f"on FER2013 it added {points(attention)} points" in said
    assert [verdict(one["difference_ci"]) for one in (depth, equal_work, attention)] == [
        "not shown", "harmed", "helped"]
    ladder = {row["step"]: row for row in found["ladder"]}
    first, last = found["ladder"][0], found["ladder"][-1]
    assert f"The ladder leads from {first['accuracy']:.3f} to {last['accuracy']:.3f}" in said
    moved, stronger = (ladder[f"+ {name}"] for name in ("shift and scale", "stronger augmentation"))
    assert f"Shift and scale cost {100 * abs(moved['paired']['difference']):.1f} points in four epochs" in said
    assert f"gained {points(stronger['paired'])} points, together with erasing" in said
    assert (moved["epochs"], moved["kept"], stronger["epochs"], stronger["kept"]) == (4, False, 30, True)
    own, poster = RUN.read_metrics("training")["PosterCNN-812cdc50"], found["compared"]["PosterCNN, equal work"]
    assert f"it has {own['mean']:.3f} by its own recipe after {own['epochs']} epochs" in said
    assert f"and {np.mean(poster['val_acc_per_seed']):.3f} by this one at equal work, after {poster['epochs']}" in said
    epoch = [found["compared"][name]["seconds_per_epoch"] for name in ("AttentionCNN", "ResidualCNN")]
    assert f"(an epoch took {100 * (epoch[0] / epoch[1] - 1):.0f} % longer all the same)" in said
    ensemble = round((found["test"]["ensemble"]["accuracy"] - found["test"]["AttentionCNN"]["accuracy"]) * 3965)
    assert "The ensemble of two names three images more rightly" in said and ensemble == 3
    team = found["ensemble_on_validation"]
    assert (f"Three networks of four epochs, those of the comparison above, name {team['accuracy']:.3f} rightly "
            f"together, and {team['members_mean']:.3f} alone") in said and team["members"] == 3
    final, against = found["test"]["AttentionCNN"], found["against_PosterCNN"]["AttentionCNN"]["all"]
    assert f"AttentionCNN names {final['accuracy']:.4f} of the test images rightly," in said
    assert f"{points(against)} points more than the PosterCNN beside it" in said
    public = RUN.read_metrics("evaluation")["baselines"]["best_public_result"]["accuracy"]
    assert final["accuracy_ci"][0] > public and final["accuracy"] > last["accuracy"]
    drawing = (RUN.path / "figures" / "channel_weights.svg").read_text(encoding="utf-8")
    early, middle, late = re.findall(r"Block \d: ([\d.]+) apart", drawing)
    assert f"the classes are {early} apart, in the middle one {middle}, in the last {late}" in said


def test_what_speed_and_time_to_accuracy_were_on_fer2013():
    speed, timed, said = RUN.read_metrics("speed"), RUN.read_metrics("time_to_accuracy"), text("08")
    assert f"is {speed['course_over_reference']:.2f} times as fast as the reference" in said
    assert f"one {speed['course_over_reference']:.1f} times as fast (on FER2013)" in said
    assert f"and {100 * (1 - speed['course_over_limit']):.0f} % short of the limit" in said
    assert f"{speed['repeats']} repeats of {speed['images_per_repeat']:,} images" == "7 repeats of 3,072 images"
    assert "Seven repeats of 3,072 images of FER2013" in said
    low, high = speed["bfloat16_minus_float32"]["difference_ci"]
    assert f"a loss of {-100 * low:.1f} points, or a gain of {100 * high:.1f}" in said
    spent = speed["profile_ms"]
    assert 1.5 < spent["convolution, backward"] / spent["convolution, forward"] < 2.5  # "about twice"
    for name in ("class competition's baseline", "the poster's best"):
        what = name.removeprefix("the ")
        quick, old = timed["targets"][name], timed["adamw"][name]
        took = f"seeds in {quick['median_seconds']:.0f} seconds, with AdamW by {old['reached']} of {old['n']} in"
        assert f"{what} is reached by {quick['reached']} of {quick['n']} {took} {old['median_seconds']:.0f}" in said
        assert f"{100 * quick['median_seconds'] / old['median_seconds']:.0f} %" in said
    slow, budget = timed["reference"], timed["budget"]
    assert f"took {slow['ratio']:.0f} times as long as the longer sprint, which passes it" in said
    assert slow["sprint"]["median_accuracy"] > slow["accuracy"] and slow["n"] == 1
    assert f"mean of five seeds is {budget['mean']:.4f}, and the whole of its interval lies above" in said
    assert budget["mean_ci"][0] > budget["best_public_result"] and budget["n"] == 5 and budget["epochs"] == 14
    assert f"for the time that they take: {budget['median_seconds']:.0f} seconds on two threads" in said
    assert f"one of the reference | {timed['training_seconds'] / 60:.0f} min of training" in said
    assert timed["ablations"]["n"] == 3 and timed["ablations"]["epochs"] == 2 and "three seeds of two epochs" in said
    for one in timed["ablations"]["without"]:
        word = verdict([one["low"], one["high"]])
        lost = f" {-100 * one['difference']:.1f}" if word == "harmed" else f" {-100 * one['difference']:+.1f}"
        assert lost in said and word in ("harmed", "not shown")


def test_what_new_faces_were_on_fer2013():
    found, said = RUN.read_metrics("new_faces"), text("09")
    val, sure, networks = found["on_validation"], found["confidence"], found["networks"]
    means = {name: np.mean([one["accuracy"] for one in rows]) for name, rows in val["by_shift"].items()}
    order = sorted(means, key=means.get)
    assert f"PosterCNN names {val['accuracy']:.3f} of {val['n']:,} validation images" in said
    assert f"and {val['mean']:.3f} on the mean over all shifts. Under {order[0]}, {order[1]} and {order[2]}" in said
    assert order[-1] == "darker" and "A darker picture costs it least." in said
    noise = val["by_shift"]["noise"][2]["accuracy"]
    assert f"right for {noise:.2f} of the faces, at a mean confidence of {sure['noise'][2]:.2f}" in said
    clean, under = found["bought"]["On the images as they are"], found["bought"]["Mean over all shifts"]
    one, other = clean["light and sharpness"], under["light and sharpness"]
    assert f"changes by {points(one)} points, and the mean over all shifts by {points(other)}" in said
    assert verdict(one["difference_ci"]) == verdict(other["difference_ci"]) == "harmed"
    one, other = clean["standardised"], under["standardised"]
    assert f"costs {100 * -one['difference']:.1f} points on images as they are; over shifts it changes the mean by " \
           f"{points(other)} points, and the interval contains 0" in said
    assert [verdict(entry["difference_ci"]) for entry in (one, other)] == ["harmed", "not shown"]
    robust, deep, poster = (networks[name] for name in ("AttentionCNN-robust", "AttentionCNN", "PosterCNN"))
    lost = [f"{100 * (entry['accuracy'] - entry['mean']):.1f}" for entry in (robust, deep, poster)]
    assert f"loses {lost[0]} points under shifts, where AttentionCNN loses {lost[1]} and PosterCNN {lost[2]}" in said
    ahead = found["against"]["AttentionCNN-robust"]
    assert f"Over all shifts it leads by {100 * ahead['difference']:.1f} points" in said
    assert verdict(ahead["difference_ci"]) == "helped"
    noise = [100 * np.mean([one["accuracy"] for one in entry["by_shift"]["noise"]]) for entry in (robust, deep)]
    assert f"Under noise it names {noise[0]:.1f} % rightly, where AttentionCNN falls to {noise[1]:.1f} %" in said
    assert f"it has {robust['accuracy']:.3f} against {deep['accuracy']:.3f}" in said
    means = {name: {shift: np.mean([one["accuracy"] for one in rows]) for shift, rows in entry["by_shift"].items()}
             for name, entry in networks.items()}
    ahead = {shift: mean - means["AttentionCNN"][shift] for shift, mean in means["AttentionCNN-robust"].items()}
    assert (f"ahead under noise above all ({100 * ahead['noise']:.0f} points), under blur, lower resolution and JPEG "
            f"({100 * ahead['JPEG']:.0f} to {100 * ahead['blur']:.0f}), and by 1 to 2 under less contrast") in said
    assert 0.01 < min(ahead["less contrast"], ahead["hand"]) and max(ahead["less contrast"], ahead["hand"]) < 0.02
    assert ahead["JPEG"] < ahead["lower resolution"] < ahead["blur"]
    assert "are no easier for it" in said and max(abs(ahead["brighter"]), abs(ahead["darker"])) < 0.001
    assert "under crops, a tilt, glasses and hair it is behind" in said
    assert max(ahead, key=ahead.get) == "noise" and {shift for shift in ahead if ahead[shift] < 0} == {
        "crop too wide", "crop too tight", "crop off centre", "tilt", "glasses", "hair"}
    final = RUN.read_metrics("beyond")["test"]["AttentionCNN"]["accuracy"]
    assert "six tenths of a point less than in notebook 07" in said and round(final - deep["accuracy"], 3) == 0.006
    helped = {shift for shift, mean in means["FastCNN both"].items() if mean > means["FastCNN as it is"][shift]}
    assert helped >= {"noise", "blur", "lower resolution"}
    at_home, there = results.read(RUN).scores["selective"], found["other"]["answered"]
    crops = {name: one["accuracy"] for name, one in found["other"]["by_crop"].items()}
    as_it_is, *others = sorted(crops.values(), reverse=True)
    assert f"({crops['as it is']:.3f} as it is, {min(others):.3f} to {max(others):.3f} else)" in said
    assert as_it_is == crops["as it is"]
    errors = [found["other"]["calibration"][where]["ece"] for where in ("at home", "there")]
    assert f"error is {errors[0]:.3f} at home and {errors[1]:.3f} on the drawn sample. It answers" in said
    shares = [100 * share for share in (at_home["coverage"], at_home["accuracy"], there["coverage"], there["accuracy"])]
    assert (f"It answers {shares[0]:.0f} % of the test images, and {shares[1]:.0f} % of these answers are right. Of "
            f"the drawn sample it answers {shares[2]:.0f} %, and {shares[3]:.0f} % of these are right.") in said


def test_what_training_and_evaluation_found_on_fer2013():
    found = results.read(RUN)
    near = re.search(r"expect a best validation accuracy near ([\d.]+)", "".join(
        cell.source for cell in NOTEBOOKS["04_training"].cells))
    assert round(found.training["mean"], 2) == float(near[1])
    losses = pd.concat([RUN.training("PosterCNN-812cdc50").history(seed) for seed in range(5)]) \
        .pivot(index="epoch", columns="seed", values="train_loss")
    poster = poster_log().set_index("epoch")["train_loss"]
    losses = losses.loc[poster.index]
    gaps, below_all = losses.mean(axis=1) - poster, (poster < losses.min(axis=1)).sum()
    assert (gaps > 0).all() and f"never more than {gaps.max():.3f} from the mean of five seeds" in text("04")
    assert f"lower in all {len(poster)} printed epochs, and below every one of the five in {below_all}" in text("04")
    said, scores = text("05"), found.scores
    recalls = {name: one["recall"] for name, one in scores["per_class"].items()}
    assert (f"expect Happy to be found most reliably: {100 * recalls['Happy']:.0f} % of its faces, but "
            f"{100 * recalls['Angry']:.0f} % of the angry ones") in said
    assert max(recalls, key=recalls.get) == "Happy" and min(recalls, key=recalls.get) == "Angry"
    widths = {name: np.ptp(one["recall_ci"]) for name, one in scores["per_class"].items()}
    assert "the rarest class has the longest" in said and max(widths, key=widths.get) == "Angry"
    low, high = wilson(round(scores["accuracy"] * scores["n"]), scores["n"])
    assert f"the interval is about ± {50 * (high - low):.1f} points" in said
    leaks = scores["accuracy"] - scores["clean"]["accuracy"]
    assert (f"On FER2013 it is {100 * leaks:.1f} points lower: {scores['clean']['accuracy']:.4f} instead of "
            f"{scores['accuracy']:.4f}.") in said
    public, private = scores["public"]["accuracy_ci"], scores["private"]["accuracy_ci"]
    assert "Their bars overlap" in said and max(public[0], private[0]) < min(public[1], private[1])
    labels, probabilities = RUN.read_predictions(results.counting(RUN), scores["chosen_seed"])
    sure = apply_temperature(probabilities, scores["temperature"]).max(axis=1) >= scores["selective"]["threshold"]
    angry, happy, neutral = pd.Series(sure).groupby(labels).mean()
    assert "happy faces are answered twice as often" in said and happy > 1.8 * max(angry, neutral)
    in_bins = np.bincount((probabilities.max(axis=1) * 15).astype(int).clip(max=14))
    assert "the last bin holds by far the most faces" in said and in_bins[-1] > 3 * in_bins[:-1].max()


def test_what_the_faces_of_fer2013_are(fer2013_zip):
    faces, said = load_faces(fer2013_zip, verbose=False), text("01")
    found = RUN.read_metrics("data")
    copies, twins = (found["audit"][name]["total"] for name in ("copies_in_train", "twins_across"))
    assert f"{copies} second copies in training and {twins} test images with a twin" in said
    flaws = audit(faces)
    assert "FER2013 has 10, and these are its blank images" in said
    assert mirrored(faces) == flaws["blank"].sum() == 10 and mirrored(faces.take(~flaws["blank"].to_numpy())) == 0
    assert "on FER2013, six do" in "".join(cell.source for cell in NOTEBOOKS["01_eda"].cells)
    assert (flaws["conflicting"] & ~flaws["blank"]).sum() == 6
    parts = split(faces)
    twice = seen(parts)
    assert f"On FER2013 some {round(twice, -1)} of the {len(parts.val):,} validation images, 3 %" in text("02")
    assert round(100 * twice / len(parts.val)) == 3
    assert f"prints {len(parts.train):,}, {len(parts.val):,} and {len(parts.test):,}" in text("02")


def in_points(paired: dict) -> str:
    low, high = (100 * end for end in paired["difference_ci"])
    return f"{100 * paired['difference']:+.1f} points ({low:+.1f} to {high:+.1f})"


def test_how_far_it_went_on_fer2013():
    found, said, evaluation = RUN.read_metrics("further"), text("11"), RUN.read_metrics("evaluation")
    first = found["reference"]
    assert f"The reference reaches {first['accuracy']:.3f} in {first['epochs']} epochs" in said
    for name, one in found["tried"].items():
        assert f"{name}: {in_points(one['paired'])}, {verdict(one['paired']['difference_ci'])}" in said
    assert {name for name, one in found["tried"].items() if verdict(one["paired"]["difference_ci"]) == "helped"} == {
        "twice as long", "Muon in place of AdamW"}
    muon, reference = (one["seconds"] for one in (found["tried"]["Muon in place of AdamW"], first))
    assert f"Muon took {muon:.0f} seconds where the reference took {reference:.0f}" in said
    views = found["views"]
    for accuracy in views.values():
        assert f"{accuracy:.4f}" in said
    mirror = views["mirror image"] - views["as it is"]
    assert mirror > max(views.values()) - views["mirror image"], "the mirror image brings most of it"
    assert views["mirror image, moved by 1"] == views["mirror image, moved by 2"] and "The two are equal" in said
    for name, one in found["for_long"].items():
        assert f"{name}: {one['accuracy']:.4f}" in said and verdict(one["paired"]["difference_ci"]) in said
        if name != "no CutMix":
            assert f"{in_points(one['paired'])} over the first, helped" in said
    alone = found["moves_alone"]
    assert f"and {in_points(alone)} over the second, {verdict(alone['difference_ci'])}" in said
    for one in found["over_seeds"].values():
        each = ", ".join(f"{accuracy:.4f}" for accuracy in one["accuracy_per_seed"])
        assert each in said and f"{one['mean']:.4f}" in said
    shown = {"helped": "shown", "not shown": "not shown"}
    for name in ("WideCNN-muon", "WideCNN", "together"):
        word = shown[verdict(found["against"][name]["all"]["difference_ci"])]
        assert f"{found['test'][name]['accuracy']:.4f}" in said
        assert f"{in_points(found['against'][name]['all'])}" in said and word in said
    wide, taught, small = (found["over_seeds"][name]["accuracy_per_seed"] for name in (
        "WideCNN", "WideCNN-taught", "PosterCNN-taught"))
    assert 0.008 < wide[2] - wide[0] < 0.01  # "almost a point"
    assert all(a < b for a, b in zip(taught, wide, strict=True))
    networks = sum(len(found["over_seeds"].get(name, {"accuracy_per_seed": [0]})["accuracy_per_seed"])
                   for name in found["members"])
    assert f"the mean of the answers of all {networks} networks" in said
    assert f"for {10 * networks} network answers" in said
    (poster,) = (one["accuracy"] for name, one in evaluation.items() if name.startswith("PosterCNN"))
    assert f"it had {poster:.4f} (notebook 05)" in said
    assert f"it gained {100 * (np.mean(small) - poster):.1f} points" in said
    under = found["shifts"]["networks"]
    assert max(under, key=lambda name: under[name]["mean"]) == found["shifts"]["reference"] == "AttentionCNN-robust"
    lowest = min(under, key=lambda name: under[name]["accuracy"])
    assert f"{lowest} has the lowest accuracy of them, {under[lowest]['accuracy']:.3f}" in said
    for one in under.values():
        assert f"{one['mean']:.3f}" in said
    next_best = sorted(under, key=lambda name: under[name]["mean"])[-2]
    minus = in_points(found["shifts"]["against"][next_best])
    assert f"{next_best} minus AttentionCNN-robust is {minus}" in said
    private = {name: usages["PrivateTest"] for name, usages in found["all_expressions"].items()}
    for one in (*private.values(), *(one["together"] for one in private.values())):
        low, high = one["accuracy_ci"]
        assert f"| {one['accuracy']:.4f} ({low:.3f} to {high:.3f}) |" in said
    assert found["finals"]["WideCNN"]["trained_on"] == "cuda (NVIDIA H200)"
    assert f"{found['finals']['WideCNN']['seconds'] / 60:.0f} minutes of a GPU (NVIDIA H200)" in said
    assert f"| {found['finals']['WideCNN-muon']['seconds'] / 60:.0f} minutes of a CPU |" in said
    seconds = found["training_seconds"]
    assert f"{seconds['cuda (NVIDIA H200)'] / 60:.0f} min of training on a GPU (NVIDIA H200)" in said
    assert f"{sum(s for name, s in seconds.items() if name.startswith('cpu')) / 60:.0f} min of training," in said
    recall = {name: one["accuracy"] for name, one in found["recall_of_all"].items()}
    most, fewest = max(recall, key=recall.get), min(recall, key=recall.get)
    assert f"of the faces called {most} WideCNN finds most, of those called {fewest} the fewest" in said


def test_what_the_processor_could_do_on_fer2013():
    found, said = RUN.read_metrics("peak"), text("08")
    loop, could = found["course_images_per_s"], found["images_per_s"]
    for number in (loop, found["limit_images_per_s"], *could.values()):
        assert f"{number:,.0f}" in said
    assert f"the loop runs at {100 * loop / could['product']:.0f} % of what the products allow" in said
    products = [layer["product"] for layer in found["layers"] if layer["layer"] == "Conv2d"]
    assert f"reaches {products[0]:,.0f} GFLOP/s where that of the third reaches {products[2]:,.0f}" in said
    assert min(products) == products[0] and max(products) == products[2] and found["layers"][0]["inner"] == 9
