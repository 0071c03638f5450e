"""The recipes of the course by name: the poster's, and those that notebooks 07 and 08 arrive at."""

from dataclasses import replace

from fer_utils.training import TrainConfig

RECIPES = {"poster": TrainConfig()}
RECIPES["attention"] = TrainConfig(
    model="AttentionCNN", epochs=40, batch_size=128, learning_rate=3e-3, dropout=0.3, optimizer="adamw",
    weight_decay=0.05, schedule="one_cycle", label_smoothing=0.1, averaging=0.99, shift=3, scale=0.1,
    erase=0.5, interpolation="bilinear",
)
RECIPES["fast"] = replace(
    RECIPES["attention"], model="FastCNN", epochs=15, learning_rate=5e-3, dropout=0.2, scale=0.0, erase=0.0
)
RECIPES["sprint"] = replace(RECIPES["fast"], epochs=6, batch_size=64, dropout=0.0, degrees=0, shift=0,
                            averaging=0.0)
