"""The way of the data, in order through `fer run`, on the sample, with tiny parameters.

In every run these are 01, 04 and 05, under `make torture` all notebooks; nbval executes them all in every run, and `fer
verify` looks at what they leave.
"""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from fer_utils.runs import Run
from reports.verify import report, verify

ROOT = Path(__file__).parents[1]


NAMES = [path.stem for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]


@pytest.mark.parametrize("asked", [
    ["01_eda", "04_training", "05_evaluation"], pytest.param([], marks=pytest.mark.torture, id="all")])
def test_the_whole_way_with_tiny_parameters(asked, home):
    done = subprocess.run([sys.executable, "-m", "fer_utils.tools.cli", "run", *asked, "--data", "sample",
                           "--run", "tiny", "-p", "epochs", "2"], cwd=home, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    names = asked or NAMES
    assert [line.split()[0] for line in done.stdout.splitlines()[-len(names):]] == names
    run = home / "reports" / "tiny"
    assert sorted(path.stem for path in (run / "notebooks").iterdir()) == names
    kept = json.loads((run / "run.json").read_text())
    assert kept["drawn"] and kept["source"] == "sample" and sorted(kept["seconds"]) == names
    assert kept["seeds"] and kept["device"] and kept["precision"] and kept["threads"]
    name = kept["evaluated"]
    assert name == kept["training"] and kept["classes"] == ["Angry", "Happy", "Neutral"]
    training = run / "trainings" / name
    assert pd.read_csv(training / "seed0.csv")["epoch"].tolist() == [1, 2]
    assert (training / "seed0.safetensors").is_file()
    asked = json.loads((training / "recipe.json").read_text())
    assert asked["model"] == "PosterCNN" and asked["recipe"]["epochs"] == 2
    assert json.loads((run / "metrics" / "training.json").read_text())[name]["train_size"] == 1050
    scores = json.loads((run / "metrics" / "evaluation.json").read_text())
    assert scores[name]["n"] == 500 and "baselines" in scores
    assert len(pd.read_csv(run / "metrics" / "predictions" / f"{name}-seed0.csv")) == 500
    for form in ("svg", "png"):
        assert len(list((run / "figures").glob(f"*.{form}"))) >= 5
    stamped = {path.stem for path in (run / "figures").glob("*.svg") if ">drawn faces</text>" in path.read_text()}
    assert {"class_counts", "training_curves", "evaluation_scores"} <= stamped
    assert not {"architecture", "activation_functions", "residual_block"} & stamped
    verdict = verify(Run(run), "sample")
    assert verdict.green, report("tiny", verdict)
    text = "".join(path.read_text() for path in [run / "run.json", *(run / "notebooks").iterdir()])
    assert str(home) not in text and str(ROOT) not in text
    assert [path.name for path in home.iterdir()] == ["reports"], "a notebook wrote outside the run's folder"
