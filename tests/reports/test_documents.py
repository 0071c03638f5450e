"""The model card and the data sheet state what the committed run measured."""

import re
from pathlib import Path

import pytest

from fer_utils.models import build_model, count_parameters
from fer_utils.runs import Run
from fer_utils.support.published import PUBLISHED_COUNTS
from reports import results

REPORTS = Path(__file__).parents[2] / "reports"
RUN = Run(REPORTS / "fer2013")


def text(name: str) -> str:
    return " ".join((REPORTS / name).read_text(encoding="utf-8").split())


def test_the_data_sheet_counts_as_the_audit_does():
    data, sheet = RUN.read_metrics("data"), text("data-sheet.md")
    flaws = data["audit"]
    twins, blank = flaws["twins_across"], flaws["blank"]
    assert f"{flaws['copies_in_train']['total']} in training, {flaws['copies_in_test']['total']} in test" in sheet
    assert f"{twins['total']} test images ({twins['PublicTest']} public, {twins['PrivateTest']} private)" in sheet
    assert f"Blank images: {blank['total']}" in sheet
    assert f"on the {data['clean']['test']:,} test images" in sheet
    three = PUBLISHED_COUNTS.loc[["Angry", "Happy", "Neutral"]].sum()
    assert f"{PUBLISHED_COUNTS.to_numpy().sum():,} grey photographs" in sheet
    assert f"{three['Training']:,} of their images are for training" in sheet
    assert f"({three['PublicTest']:,} public, {three['PrivateTest']:,} private" in sheet


def test_the_model_card_scores_as_the_evaluation_does():
    found, card = results.read(RUN), (REPORTS / "model-card.md").read_text(encoding="utf-8")
    table = results.table(results.card(found))
    assert table in card, f"model-card.md lacks this table:\n{table}"
    assert f"{count_parameters(build_model('PosterCNN')):,} parameters" in card
    table = results.table(results.under_shifts(found))
    assert table in card, f"model-card.md lacks this table:\n{table}"


@pytest.mark.parametrize("name", ["model-card.md", "data-sheet.md", "teaching.md"])
def test_every_link_leads_somewhere(name):
    for target in re.findall(r"\]\((?!https?://)([^)]+)\)", (REPORTS / name).read_text(encoding="utf-8")):
        assert (REPORTS / target).exists(), f"{name} links to {target}"


def test_the_plan_of_hours_names_each_notebook_and_the_minutes_of_its_exercises():
    notebooks, plan = REPORTS.parent / "notebooks", (REPORTS / "teaching.md").read_text(encoding="utf-8")
    rows = {name[:2]: (int(reading), 0 if exercises == "–" else int(exercises))
            for name, reading, exercises in re.findall(r"^\| \d \| (.*) \| (\d+) \| (\d+|–) \|$", plan, re.MULTILINE)}
    assert set(rows) >= {path.stem[:2] for path in notebooks.glob("*.ipynb")}
    for path in notebooks.glob("solutions/*/*.ipynb"):
        minutes = sum(map(int, re.findall(r"\| (\d+) min \|", path.read_text(encoding="utf-8"))))
        assert rows[path.stem[:2]][1] == minutes, path.stem
    reading, exercises = (sum(row[k] for row in rows.values()) for k in (0, 1))
    assert f"about {reading / 60:.0f} hours of reading and {exercises / 60:.0f} of exercises" in plan
