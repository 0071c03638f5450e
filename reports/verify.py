"""Whether a run's numbers are what its files give: each is computed again and laid beside the stored one.

`python reports/verify.py RUN [--data PATH]`, or `fer verify RUN`, says how many numbers in metrics/ it computed again,
which it could not and why, and each difference. The exit status is 1 for a difference, and unless every test score was
computed again. With the data, it also counts them, and has the kept weights predict the test images again.
"""

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import matplotlib

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a script finds only its own folder

from fer_utils import CourseError, brief  # noqa: E402
from fer_utils.data import load_faces  # noqa: E402
from fer_utils.runs import Run  # noqa: E402
from fer_utils.support.files import read_json  # noqa: E402
from fer_utils.tools.cli import ended  # noqa: E402
from reports import checks, printed, with_data  # noqa: E402
from reports.evidence import TOLERANCE, Compared, Evidence, Unknown  # noqa: E402
from reports.figures.build import Missing  # noqa: E402

Check = Callable[[Evidence], Iterator[Compared | Unknown]]
CHECKS: dict[Check, str] = {
    checks.test_images: "metrics/predictions/*",
    checks.evaluation: "evaluation/*",
    checks.beside_them: "evaluation/baselines/*",
    checks.final_networks: "beyond/*",
    checks.further: "further/*",
    checks.fixed_budget: "time_to_accuracy/budget/*",
    checks.under_shifts: "new_faces/*",
    checks.histories: "training/*",
    checks.of_techniques: "techniques/*",
    checks.of_networks: "beyond/*",
    checks.recipes: "trainings/*",
    checks.networks: "beyond/compared/*",
    checks.pairs: "techniques/*",
    checks.speed: "speed/*",
    checks.time_to_accuracy: "time_to_accuracy/*",
    with_data.package: "run.json/fingerprint",
    with_data.data: "data/*",
    with_data.weights: "metrics/predictions/*, from weights",
    printed.figures: "figures/*",
    printed.page: "README.md",
    printed.front: "README.md of the course",
    printed.poster: "poster.pdf",
}
"""The checks in the order of their report, each with what it is about."""
FROM_METRICS = (checks.pairs, checks.speed, checks.time_to_accuracy)
"""Those that know no more than the metrics: a number that follows from others there may be wrong with them."""

TEST_SCORES = ("evaluation/*", "beyond/test/*", "beyond/against_PosterCNN/*", "time_to_accuracy/budget/*",
               "new_faces/networks/*", "new_faces/against/*", "further/test/*", "further/against/*",
               "further/all_expressions/*", "further/recall_of_all/*")
NO_SCORES = ("*/class_competition/*", "*/best_public_result*", "*/seeds/*", "*/val_acc_per_seed/*", "*/temperature",
             "*/threshold", "*/allowed_risk", "*/chosen_seed", "*/epochs", "*/trained_on", "*seconds*")
"""What stands beside the test scores: settings, seconds, validation scores, and what others have published."""

SETTINGS = ("*/epochs", "*/seeds/*", "*/seed", "*/recipe/*", "*/poster_seed", "*/ladder_seeds", "*/target", "*/repeats",
            "*/workers*", "*/threads", "*/images_per_repeat", "*/allowed_risk", "*/averaging", "*/batch_size",
            "*/learning_rate", "*/dropout", "*/ablations/n", "*/trained_on", "*/train_size", "*/n_val", "*/members",
            "*/best_public_result")
REASONS = [
    *(Unknown(pattern, "a setting, which nothing computes") for pattern in SETTINGS),
    *(Unknown(pattern, "time or memory, measured once: another run has others")
      for pattern in ("*seconds*", "speed/*/repeats/*", "speed/*peak_mb", "speed/profile*", "speed/both_references/*",
                      "new_faces/faces_a_second/*", "peak/*")),
    Unknown("data/*", "it needs the data: name them by --data PATH"),
    Unknown("*", "a validation score, of which the run keeps neither predictions nor a history"),
]
"""Why a number is not computed again, where no check has said so: the first pattern that fits."""


class Verdict(NamedTuple):
    """What the checks have found in a run: `numbers` are all in metrics/*.json, `tests` those that are test scores."""

    compared: dict[Check, list[Compared]]
    unknown: list[Unknown]
    numbers: set[str]
    tests: set[str]

    @property
    def again(self) -> set[str]:
        """The numbers in metrics/ that were computed again."""
        return self.numbers & {one.where for found in self.compared.values() for one in found}

    @property
    def only_followed(self) -> set[str]:
        """Those of them that were computed from other numbers in metrics/ alone."""
        known = {one.where for check, found in self.compared.items() if check not in FROM_METRICS for one in found}
        return self.again - known

    @property
    def differences(self) -> list[Compared]:
        found = [one for found in self.compared.values() for one in found if not one.agrees]
        return list({f"{one.where} {one.stored}": one for one in found}.values())

    @property
    def green(self) -> bool:
        return not self.differences and self.tests <= self.again


def verify(run: Run, data: str | None = None) -> Verdict:
    """Run every check; data: where the faces are, as for `load_faces`. CourseError where there is no such run."""
    if not run.read():
        raise CourseError(f"There is no run {run.path.name}: make it by `fer run --run {run.path.name}`.")
    evidence, compared, unknown = Evidence(run, data), {}, []
    for check, about in CHECKS.items():
        found = compared[check] = []
        try:
            for one in check(evidence):
                (found if isinstance(one, Compared) else unknown).append(one)
        except Missing as reason:
            unknown.append(Unknown(about, str(reason)))
        except CourseError as error:
            found.append(Compared(about, str(error), "as the course writes it", "this check"))
        except Exception as error:  # whatever a damaged file leads to
            found.append(Compared(about, f"damaged ({brief(error)})", "as the course writes it", "this check"))
    files = sorted(run.path.glob("metrics/*.json"))
    numbers = {where for path in files for where in leaves(path.stem, read_json(path))}
    not_on_test = [*NO_SCORES, *scored_on_validation(evidence.metrics)]
    tests = {where for where in numbers if fits(where, TEST_SCORES) and not fits(where, not_on_test)}
    return Verdict(compared, unknown, numbers, tests)


def leaves(where: str, value) -> Iterator[str]:
    """Where the numbers of a metric are, as evaluation/PosterCNN/accuracy_ci/0."""
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(f"{where}/{key}", item)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield where


def scored_on_validation(metrics: dict) -> Iterator[str]:
    """Which scores are of validation images, since the test images have no labels."""
    timed, entries = metrics["time_to_accuracy"], metrics["evaluation"].items()
    scored = [one.get("scored_on") for name, one in entries if name != "baselines" and isinstance(one, dict)]
    if scored and set(scored) == {"validation"}:
        yield "evaluation/baselines/*"
    for where, values in (("evaluation/", metrics["evaluation"]), ("time_to_accuracy/", timed)):
        for name, one in values.items() if isinstance(values, dict) else ():
            if isinstance(one, dict) and one.get("scored_on") == "validation":
                yield f"{where}{name}/*"


def fits(where: str, patterns) -> bool:
    return any(fnmatchcase(where, pattern) for pattern in patterns)


def report(name: str, verdict: Verdict) -> str:
    """What `fer verify` prints."""
    again, tests = verdict.again, verdict.tests
    lines = [f"{name}: {len(again)} of {len(verdict.numbers)} numbers in metrics/ computed again, "
             f"{len(tests & again)} of {len(tests)} test scores among them;",
             f"{len(verdict.only_followed)} of them follow from other numbers there.", ""]
    for check, found in verdict.compared.items():
        if found:
            wrong = sum(not one.agrees for one in found)
            lines.append(f"{len(found):>7,} compared, {wrong or 'none'} differ: {check.__doc__}")
    lines += ["", "Not computed again:"]
    lines += [f"  {reason}: {', '.join(places)}" for reason, places in reasons(verdict).items()]
    differences = verdict.differences
    lines += ["", "Differences:" if differences else "No differences."]
    lines += [f"  {one.where}: stored {one.stored!r:.200}, again {one.again!r:.200} (from {one.source}, tolerance "
              f"{one.absolute or TOLERANCE:g})" for one in differences]
    return "\n".join(lines)


def reasons(verdict: Verdict) -> dict[str, list[str]]:
    """For each reason what it keeps from being computed again: numbers counted by their first two keys, and files."""
    found = defaultdict(Counter)
    for where in sorted(verdict.numbers - verdict.again):
        reason = next(one.reason for one in [*verdict.unknown, *REASONS] if fnmatchcase(where, one.where))
        found[reason]["/".join(where.split("/")[:2])] += 1
    named = {reason: [f"{place} ({n})" for place, n in places.items()] for reason, places in found.items()}
    metrics = {where.split("/")[0] for where in verdict.numbers}
    for one in verdict.unknown:
        if one.where.split("/")[0] not in metrics:
            named.setdefault(one.reason, []).append(one.where)
    return named


def main(arguments: list[str] | None = None) -> int:
    """Verify the run that the command line names; returns 0 only where all is well."""
    parser = argparse.ArgumentParser(description="Compute a run's numbers again and say which differ.")
    parser.add_argument("run", metavar="RUN", help="the run's name")
    parser.add_argument("--data", metavar="PATH", help="its faces; a run on drawn ones draws them again")
    options = parser.parse_args(arguments)
    matplotlib.use("Agg")
    run = Run.open(options.run)
    if options.data:
        load_faces(options.data, run.read().get("classes", "all"), verbose=False)  # CourseError where there are none
    verdict = verify(run, options.data or (run.read()["source"] if run.drawn else None))
    print(report(options.run, verdict))
    return 0 if verdict.green else 1


if __name__ == "__main__":
    sys.exit(ended(main))
