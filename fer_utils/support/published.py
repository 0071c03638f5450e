"""What others have published, kept apart from what this course measures."""

from importlib.resources import files

import pandas as pd

POSTER_TRAIN, POSTER_TEST = 16_175, 3_965
"""Training and test images that the poster names ("Facial Expression Classification Using PyTorch", F. Vakili)."""

HUMAN_ACCURACY, HUMAN_ACCURACY_HALF_WIDTH = 0.65, 0.05
"""People on FER2013's seven classes (Goodfellow et al. 2013, arXiv 1307.0414); no such number is known for three."""


def poster_log() -> pd.DataFrame:
    """The 19 epochs that the poster prints, as printed: epoch 17 is not among them.

    Columns: epoch (int, from 1), train_loss and val_loss (nats), val_acc (a share, four decimals), saved (bool: the
    line is followed by "Model saved!").
    """
    with files("fer_utils.support").joinpath("poster_log.csv").open(encoding="utf-8") as stream:
        return pd.read_csv(stream).astype({"saved": bool})
