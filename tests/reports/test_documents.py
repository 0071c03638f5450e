"""The model card and the data sheet state what the committed run measured."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
METRICS = ROOT / "reports" / "fer2013" / "metrics"


def text(name: str) -> str:
    return " ".join((ROOT / "reports" / name).read_text(encoding="utf-8").split())


def read(name: str) -> dict:
    return json.loads((METRICS / f"{name}.json").read_text(encoding="utf-8"))


def test_the_data_sheet_counts_as_the_audit_does():
    data, sheet = read("data"), text("data-sheet.md")
    flaws = data["audit"]
    twins, blank = flaws["twins_across"], flaws["blank"]
    assert f"{flaws['copies_in_train']['total']} in training, {flaws['copies_in_test']['total']} in test" in sheet
    assert f"{twins['total']} test images ({twins['PublicTest']} public, {twins['PrivateTest']} private)" in sheet
    assert f"Blank images: {blank['total']}" in sheet
    assert f"on the {data['clean']['test']:,} test images" in sheet


def test_the_model_card_scores_as_the_evaluation_does():
    scores, card = read("evaluation")["PosterCNN"], text("model-card.md")
    low, high = scores["accuracy_ci"]
    assert f"{scores['accuracy']:.4f} (95 % interval {low:.4f} to {high:.4f}, n = {scores['n']:,})" in card
    clean = scores["clean"]
    assert f"{clean['accuracy']:.4f} on the {clean['n']:,} test images without leaks" in card
    assert f"{scores['mean']:.4f} ± {scores['std']:.4f} over {len(scores['seeds'])} seeds" in card
    for name, own in scores["per_class"].items():
        assert f"{name} {own['recall']:.3f} (n = {own['n']:,})" in card
    assert f"expected calibration error is {scores['ece']:.3f}" in card
    cured, answered = scores["calibrated"], scores["selective"]
    assert f"temperature {scores['temperature']:.2f}, fitted on validation, the logits give {cured['ece']:.3f}" in card
    assert f"a perfectly calibrated model would show {cured['ece_if_calibrated']['mean']:.3f}" in card
    assert f"answers {answered['coverage']:.0%} of".replace("%", " %") in card
    assert f"errs on {1 - answered['accuracy']:.1%} of".replace("%", " %") in card


@pytest.mark.parametrize("name", ["model-card.md", "data-sheet.md"])
def test_every_link_leads_somewhere(name):
    for target in re.findall(r"\]\((?!https?://)([^)]+)\)", (ROOT / "reports" / name).read_text(encoding="utf-8")):
        assert (ROOT / "reports" / target).exists(), f"{name} links to {target}"
