"""README.md says what the committed run and the project's files say: a number there that moved fails here."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from fer_utils.support.published import poster_log

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
REPORT = ROOT / "reports" / "fer2013"


@pytest.fixture(scope="module")
def metrics() -> dict:
    names = ("training", "evaluation", "techniques", "speed", "time_to_accuracy", "beyond")
    read = {name: json.loads((REPORT / "metrics" / f"{name}.json").read_text()) for name in names}
    return read | {"run": json.loads((REPORT / "run.json").read_text())}


def results(metrics: dict) -> list[str]:
    """The rows of the README's table of results, as they follow from the metrics."""
    training, scores = metrics["training"]["PosterCNN"], metrics["evaluation"]["PosterCNN"]
    base, seeds = metrics["evaluation"]["baselines"], len(training["seeds"])

    def row(name: str, n: int, ours: str, others: str) -> str:
        return f"| {name} | {n:,} | {ours} | {others} |"

    def with_interval(part: dict) -> str:
        low, high = part["accuracy_ci"]
        return f"{part['accuracy']:.4f} ({low:.4f} to {high:.4f})"

    best = poster_log()["val_acc"].max()
    return [
        row(f"best validation accuracy, {seeds} seeds", training["val_size"],
            f"{training['mean']:.4f} ± {training['std']:.4f}", f"{best}, one training"),
        row("test accuracy, the seed chosen on validation", scores["n"], f"**{with_interval(scores)}**", "not stated"),
        row(f"test accuracy, {seeds} seeds", scores["n"], f"{scores['mean']:.4f} ± {scores['std']:.4f}", "not stated"),
        row("the same without leaked images", scores["clean"]["n"], with_interval(scores["clean"]), "not stated"),
        row("macro-F1", scores["n"], f"{scores['macro_f1']:.4f}", "not stated"),
        row("always the most frequent class", base["majority"]["n"], f"{base['majority']['accuracy']:.4f}", "–"),
        row("the class competition's baseline", base["class_competition"]["n"], "–",
            str(base["class_competition"]["accuracy"])),
        row("the best public result on this task", base["best_public_result"]["n"], "–",
            str(base["best_public_result"]["accuracy"])),
    ]


def further(metrics: dict) -> list[str]:
    """The rows of the table of notebooks 06 to 08."""
    val, test = metrics["training"]["PosterCNN"]["val_size"], metrics["evaluation"]["PosterCNN"]["n"]
    speed, timed, beyond = metrics["speed"], metrics["time_to_accuracy"], metrics["beyond"]

    def points(found: dict) -> str:
        ends = (f"{100 * end:+.1f}" for end in found["difference_ci"])
        return f"{100 * found['difference']:+.1f} points ({' to '.join(ends)})"

    rows = [f"| what {name} adds to the best validation accuracy, {found['n']} pairs of seeds | {val:,} | "
            f"{points(found)} |" for name, found in metrics["techniques"]["removed"].items()]
    if "grid" in metrics["techniques"]:
        fields = pd.DataFrame(metrics["techniques"]["grid"]).groupby(["batch_size", "learning_rate"])["val_acc"]
        means, n = fields.mean(), fields.size().min()
        size, rate = means.idxmax()
        rows.append(f"| the best of {len(means)} fields of batch size and learning rate ({size}, {rate:g}), {n} seeds "
                    f"each, over the poster's | {val:,} | {100 * (means.max() - means[(64, 0.001)]):+.1f} points |")
    course, reference = speed["course_images_per_s"], speed["reference_images_per_s"]
    rows.append("| the poster's recipe in this course's loop, against a DataLoader of PIL images | – | "
                f"{course / reference:.2f} times as fast ({course:,.0f} and {reference:,.0f} images/s) |")
    rows.append("| the same, against images that were augmented beforehand | – | "
                f"{course / speed['limit_images_per_s']:.2f} times as fast |")
    for found in timed["targets"].values():
        rows.append(f"| validation accuracy {found['target']}, recipe `{found['recipe']}`, {found['epochs']} epochs | "
                    f"{val:,} | "
                    f"{found['median_seconds']:.0f} s of training, reached by {found['reached']} of {found['n']} "
                    "seeds |")
    slow = timed["reference"]
    if slow:
        sprint = slow["sprint"]
        rows.append(f"| the PIL loop and the poster's recipe up to their best epoch, {slow['n']} seeds | {val:,} | "
                    f"{slow['accuracy']:.4f} in {slow['median_seconds']:.0f} s of training |")
        rows.append(f"| recipe `sprint` beside them, {sprint['epochs']} epochs, {sprint['n']} seeds | {val:,} | "
                    f"{sprint['median_accuracy']:.4f} in {sprint['median_seconds']:.0f} s of training, "
                    f"{slow['ratio']:.1f} times as fast |")
    budget = timed["budget"]
    rows.append(f"| test accuracy of `fast` on all {budget['trained_on']:,} images, "
                f"{budget['median_seconds']:.0f} s of training, {budget['n']} seeds | {test:,} | "
                f"**{budget['mean']:.4f} ± {budget['std']:.4f}** |")
    for name, found in beyond["paired"].items():
        epochs = beyond["compared"][name.split(" over ")[0]]["epochs"]
        rows.append(f"| {name}, {epochs} epochs, {found['n']} pairs of seeds | {val:,} | {points(found)} |")
    deep, final = beyond["test"]["AttentionCNN"], beyond["final"]
    low, high = deep["accuracy_ci"]
    rows.append(f"| test accuracy of AttentionCNN, one training of {final['seconds'][0] / 60:.0f} min | {test:,} | "
                f"**{deep['accuracy']:.4f} ({low:.4f} to {high:.4f})** |")
    if "ensemble" in beyond["test"]:
        low, high = beyond["test"]["ensemble"]["accuracy_ci"]
        rows.append(f"| test accuracy of the mean of {len(final['seeds'])} of them | {test:,} | "
                    f"**{beyond['test']['ensemble']['accuracy']:.4f} ({low:.4f} to {high:.4f})** |")
    return rows


def sentences(metrics: dict) -> list[str]:
    """The statements beside the table."""
    training, run = metrics["training"]["PosterCNN"], metrics["run"]
    distance, gap = training["poster"]["distance_in_std"], training["poster"]["largest_train_loss_gap"]
    side = "above" if distance > 0 else "below"
    return [
        f"{abs(distance):.1f} standard deviations {side} the mean of our seeds",
        f"never further than {gap:.3f} from the poster's",
        f"{training['seconds_per_epoch']:.0f} seconds an epoch",
        f"{training['train_size']:,} images to learn from and {training['val_size']:,} to choose by",
        f"seeds {training['seeds'][0]} to {training['seeds'][-1]}",
        f"{run['threads']} threads of an {run['processor']}",
        run["precision"],
    ]


def test_every_result_is_the_committed_runs(metrics):
    for line in results(metrics) + further(metrics):
        assert line in README, f"README.md lacks this row of its table:\n{line}"
    text = " ".join(README.split())
    for sentence in sentences(metrics):
        assert sentence in text, f"README.md lacks: {sentence}"


def test_no_accuracy_stands_in_the_readme_that_no_metric_made(metrics):
    made = " ".join(results(metrics) + further(metrics) + sentences(metrics))
    for number in re.findall(r"\b0\.\d{3,}\b", README):
        assert number in made, f"README.md states {number}, which no committed metric gives"


def test_the_poster_is_beaten_or_missed_as_the_text_says(metrics):
    training, scores = metrics["training"]["PosterCNN"], metrics["evaluation"]["PosterCNN"]
    base = metrics["evaluation"]["baselines"]["class_competition"]["accuracy"]
    low, high = scores["accuracy_ci"]
    verdict = "above" if low > base else "below" if high < base else "not distinguishable from"
    assert f"is {verdict} the class competition's baseline" in " ".join(README.split())
    reached = training["mean"] >= poster_log()["val_acc"].max()
    assert ("reaches the poster's" if reached else "does not reach the poster's") in " ".join(README.split())


def test_every_notebook_and_every_link_is_there():
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        assert f"(notebooks/{path.name})" in README
    for target in re.findall(r"\]\((?!https?://|#)([^)]+)\)", README):
        assert (ROOT / target).exists(), f"README.md links to {target}, which is not there"


def test_the_times_on_fer2013_are_the_committed_runs(metrics):
    trained = {"06_techniques": "techniques", "07_beyond_the_poster": "beyond", "08_speed": "time_to_accuracy"}
    for name, seconds in metrics["run"]["seconds"].items():
        if name in trained:  # their trainings are kept, so the last run of the notebook does not tell
            seconds = metrics[trained[name]]["training_seconds"]
        row = next(line for line in README.splitlines() if f"(notebooks/{name}.ipynb)" in line)
        assert row.endswith(f"| {seconds:.0f} s |" if seconds < 90 else f"| {seconds / 60:.0f} min |"), row


def test_the_commands_of_the_readme_exist():
    make = set(re.findall(r"(?:^|`)make ([a-z]+)", README, re.MULTILINE))
    assert make <= set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    fer = set(re.findall(r"\bfer ([a-z]+) ?", "\n".join(re.findall(r"`[^`]+`|^ .*$|^fer .*$", README, re.MULTILINE))))
    assert fer <= set(re.findall(r'command\("([a-z]+)"', (ROOT / "fer_utils" / "cli.py").read_text()))
