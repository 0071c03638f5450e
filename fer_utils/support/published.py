"""What others have published, kept apart from what this course measures."""

from importlib.resources import files

import pandas as pd

POSTER_TRAIN, POSTER_TEST = 16_175, 3_965
"""Training and test images that the poster names ("Facial Expression Classification Using PyTorch", F. Vakili)."""

PUBLISHED_COUNTS = pd.DataFrame(
    {"Training": (3995, 436, 4097, 7215, 4830, 3171, 4965), "PublicTest": (467, 56, 496, 895, 653, 415, 607),
     "PrivateTest": (491, 55, 528, 879, 594, 416, 626)},
    index=("Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Neutral"))
"""FER2013's images by class and usage, as published; its three parts hold 28,709, 3,589 and 3,589."""

HUMAN_ACCURACY, HUMAN_ACCURACY_HALF_WIDTH = 0.65, 0.05
"""People on FER2013's seven classes (Goodfellow et al. 2013, arXiv 1307.0414); no such number is known for three."""


def poster_log() -> pd.DataFrame:
    """The 19 epochs that the poster prints, as printed: epoch 17 is not among them.

    Columns: epoch (int, from 1), train_loss and val_loss (nats), val_acc (a share, four decimals), saved (bool: the
    line is followed by "Model saved!").
    """
    with files("fer_utils.support").joinpath("poster_log.csv").open(encoding="utf-8") as stream:
        return pd.read_csv(stream).astype({"saved": bool})
