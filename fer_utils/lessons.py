"""What the notebooks share: code shown from where it runs, and a step done once for all of them."""

import inspect
import textwrap
from dataclasses import asdict

import pandas as pd
from IPython.display import Markdown

from fer_utils import CourseError
from fer_utils.data import Split
from fer_utils.models import build_model
from fer_utils.runs import Run
from fer_utils.support.checkpoints import load_weights, read_metadata
from fer_utils.support.devices import choose_device, choose_precision, describe_device
from fer_utils.training import Result, TrainConfig, fit


def show_source(thing) -> Markdown:
    """The source of a function or class of the course, as the notebook's own text: what is read is what runs."""
    return Markdown(f"```python\n{textwrap.dedent(inspect.getsource(thing)).rstrip()}\n```")


def trained(run: Run, parts: Split, config: TrainConfig, log=print) -> Result:
    """Train `config` on `parts`, or take it from the run's folder where that was done before with the same settings."""
    path = run.checkpoint(config.model, config.seed)
    found = _finished(run, parts, config)
    if found is not None:
        log(f"{config.model}, seed {config.seed}: trained before in this run with these settings; read from there.")
        return found
    log(f"{config.model}, seed {config.seed}: training now, {config.epochs} epochs on {len(parts.train):,} images.")
    result = fit(parts.train, parts.val, config, checkpoint=path, log=log)
    run.write_history(result.history)
    device = choose_device(config.device)
    run.record(
        seeds=sorted({*run.read().get("seeds", []), config.seed}),
        device=describe_device(device),
        precision=choose_precision(config.precision, device),
    )
    return result


def _finished(run: Run, parts: Split, config: TrainConfig) -> Result | None:
    """The stored result of `config` on the same training images, if all its epochs were run."""
    path, history = run.checkpoint(config.model, config.seed), run.read_history()
    if history is None or not path.exists():
        return None
    history = history[(history["model"] == config.model) & (history["seed"] == config.seed)]
    try:
        note = read_metadata(path)
    except CourseError:
        return None
    stored = {**asdict(TrainConfig()), **note.get("config", {})}
    if stored != asdict(config) or note.get("data") != parts.train.fingerprint or len(history) != config.epochs:
        return None
    model = build_model(config.model, dropout=config.dropout)
    load_weights(path, model)
    return Result(model.to(choose_device(config.device)), history, config)


def training_seconds(run: Run, part: str) -> float:
    """Seconds of all trainings that the folder `part` of a run keeps: "sweep", "07" or "08"."""
    return float(sum(pd.read_csv(path)["seconds"].sum() for path in run.path.glob(f"{part}/**/history.csv")))
