"""The command `fer`: reads its arguments, and leaves the work to the modules."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from types import ModuleType

from fer_utils import CourseError, __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status, as `ended` does; wrong usage exits with 2."""
    options = parser().parse_args(arguments)
    return ended(options.command, options)


def ended(work: Callable, *arguments) -> int:
    """Do the work; returns its exit status, 0 where it gives none, 1 after one sentence on stderr, 130 interrupted."""
    try:
        status = work(*arguments) or 0
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # what reads the output, as head does, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130


def parser() -> argparse.ArgumentParser:
    """The commands and their arguments."""
    top = argparse.ArgumentParser(prog="fer", description="Facial expression classification: a notebook course.")
    top.add_argument("--version", action="version", version=f"fer_utils {__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, function, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(command=function)
        return added

    command("check", check, "Say for each requirement of the course whether it is met, and what fixes it.")
    added = command("data", data, "Print what a data source was recognised as, its counts, and the images' audit.")
    added.add_argument("source", nargs="?", default="auto", help='"auto", "sample", "sketches", "kaggle" or a path')
    added.add_argument("--classes", default="Angry,Happy,Neutral", metavar="NAMES", help='"all", or names with commas')
    added.add_argument("--labels", default="own", help='"own", or "fer+": the votes in FER+\'s fer2013new.csv')
    added = command("run", run, "Execute notebooks into reports/<run>/, from the first that is not finished.")
    added.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="names or paths (default: all, in order)")
    added.add_argument("--data", metavar="SOURCE", help='"auto" (default), "sample", "sketches", "kaggle" or a path')
    added.add_argument("--run", default="default", metavar="NAME",
                       help="the run's name (default: after the faces, as default-sample)")
    added.add_argument("-p", "--parameter", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"),
                       help="a parameter of the notebooks; may be repeated")
    added.add_argument("--fresh", action="store_true", help="execute all again, also those that were finished before; "
                       "trainings are kept")
    added = command("sweep", sweep, "Execute one notebook under many parameters, on all cores or on a cluster.")
    added.add_argument("notebook", metavar="NOTEBOOK", help="its name or path")
    added.add_argument("--data", metavar="SOURCE", default="auto", help="as for run")
    added.add_argument("--run", default="default", metavar="NAME", help="the run that keeps the jobs")
    added.add_argument("-p", "--parameter", nargs="+", action="append", default=[], metavar=("NAME", "VALUE"),
                       help="a parameter and its values; with several -p, every combination is a job")
    added.add_argument("--workers", type=int, default=2, metavar="N", help="processes that work (default: 2)")
    added.add_argument("--scheduler", metavar="ADDRESS", help="a dask cluster to use instead, as tcp://host:8786")
    added = command("compare", compare_runs, "Compare the trainings of one run or several: one table and one figure.")
    added.add_argument("runs", nargs="+", metavar="RUN", help="the names of runs")
    added = command("predict", predict, "Find the faces in photographs and name their expressions.")
    added.add_argument("photos", nargs="+", metavar="PHOTO", help="files, or folders of them")
    added.add_argument("--json", action="store_true", help="print one JSON document instead of lines")
    added.add_argument("--out", metavar="DIR", help="write each photograph there with its boxes and bars")
    added.add_argument("--training", metavar="RUN[/NAME]", help="a training of a run (default: AttentionCNN-robust)")
    added = command("demo", demo, "Open a page on this machine that names the faces of a picture, from file or camera.")
    added.add_argument("--port", type=int, metavar="N", help="of the page (default: the first free from 7860)")
    added.add_argument("--training", metavar="RUN[/NAME]", help="as for predict")
    added = command("lab", lab, "Open a working copy of the notebooks, work/, in JupyterLab; it is made once.")
    added.add_argument("--reset", nargs="+", metavar="NOTEBOOK",
                       help="open nothing, but bring these back as the course has them; yours are kept beside them")
    added.add_argument("jupyter", nargs="*", metavar="-- ARGUMENT", help="JupyterLab's own, as in: -- --no-browser")
    added = command("figure", figure, "Export one figure of a run at the width that a paper or a slide needs.")
    added.add_argument("run", metavar="RUN", help="the run's name")
    added.add_argument("name", metavar="NAME", help="the figure's name, for example training_curves")
    added.add_argument("--width-mm", type=float, metavar="MM", help="its width (default: as it was drawn, 89 or 183)")
    added.add_argument("--format", default="pdf", choices=["pdf", "svg", "png"], help="default: pdf; png has 300 dpi")
    added = command("figures", partial(script, "figures.build"), "Draw a run's figures again, as far as it allows.")
    added.add_argument("run", metavar="RUN", help="the run's name")
    added = command("poster", partial(script, "poster.build"), "Set the poster of a run: reports/<run>/poster.pdf.")
    added.add_argument("run", metavar="RUN", help="the run's name")
    added.add_argument("options", nargs=argparse.REMAINDER, metavar="...",
                       help="--paper, --author, --title, --photos: see `python reports/poster/build.py --help`")
    added = command("site", partial(script, "site.build"), "Build the site of a run: reports/<run>/site/.")
    added.add_argument("run", metavar="RUN", help="the run's name")
    added = command("verify", partial(script, "verify"), "Compute a run's numbers again, and say which differ.")
    added.add_argument("run", metavar="RUN", help="the run's name")
    added.add_argument("options", nargs=argparse.REMAINDER, metavar="...", help="--data: where its faces are")
    command("refresh", refresh, "Execute every notebook on the sample and store the outputs in notebooks/.")
    added = command("colab", colab, "Stamp a repository's address into the notebooks, for Colab.")
    added.add_argument("fork", metavar="OWNER/REPO", help="the repository on GitHub")
    return top


def check(options: argparse.Namespace) -> int:
    """Print one line per requirement; 1 where any is not met."""
    from fer_utils.tools.check import check

    fine = True
    for result in check():
        print(result, flush=True)
        fine = fine and result.ok
    return 0 if fine else 1


def data(options: argparse.Namespace) -> None:
    from fer_utils.data import count_flaws, load_faces

    faces = load_faces(options.source, options.classes, labels=options.labels)
    print(*faces.seen, "", faces.counts().to_string(), "", count_flaws(faces).to_string(), sep="\n")


def run(options: argparse.Namespace) -> None:
    from fer_utils.tools.notebooks import run_notebooks

    data = [("data", options.data)] if options.data else []
    run_notebooks(options.notebooks, [*data, ("run", options.run), *map(tuple, options.parameter)], fresh=options.fresh)


def sweep(options: argparse.Namespace) -> None:
    """Run the jobs and print their table: what differs between them, and what they reached."""
    from fer_utils.tools.sweep import MEASURES, JobsFailed, grid, sweep

    values: dict[str, list[str]] = {}
    for name, *given in options.parameter:
        values[name] = [*values.get(name, []), *given]

    def show(table) -> None:
        settings = [name for name in values if name in table and name not in MEASURES]
        if len(table):
            print(table[[*settings, *MEASURES]].to_string(index=False, float_format="{:.4g}".format, na_rep="–"))

    try:
        show(sweep(options.notebook, grid(values), options.data, options.run, options.workers, options.scheduler))
    except JobsFailed as failure:
        show(failure.table)
        raise


def compare_runs(options: argparse.Namespace) -> None:
    from fer_utils.tools.compare import compare

    table, path = compare(options.runs)
    print(table.to_string(index=False, float_format="{:.4g}".format, na_rep="–"), f"Curves: {path}", sep="\n")


def predict(options: argparse.Namespace) -> int:
    from fer_utils.tools.predict import predict

    return predict(options.photos, options.json, options.out, options.training)


def demo(options: argparse.Namespace) -> None:
    from fer_utils.tools.demo import demo

    demo(options.port, options.training)


def lab(options: argparse.Namespace) -> None:
    from fer_utils.tools.lab import open_lab, reset

    if options.reset:
        reset(options.reset)
    else:
        open_lab(options.jupyter)


def figure(options: argparse.Namespace) -> None:
    from fer_utils.runs import Run

    export = in_clone("figures.export").export_figure
    print(export(Run.open(options.run), options.name, options.width_mm, options.format))


def refresh(options: argparse.Namespace) -> None:
    from fer_utils.tools.notebooks import refresh

    refresh()


def colab(options: argparse.Namespace) -> None:
    from fer_utils.support.home import clone
    from fer_utils.tools.colab import stamp

    root = clone()
    changed = stamp(root, options.fork)
    print(*(path.relative_to(root).as_posix() for path in changed), sep="\n")
    print(f"{len(changed)} files now name https://github.com/{options.fork}; commit and push them.")


def script(name: str, options: argparse.Namespace) -> int:
    """Have a script of the clone's reports/, named as a module there, work on a run; returns its exit status."""
    return in_clone(name).main([options.run, *getattr(options, "options", [])])


def in_clone(name: str) -> ModuleType:
    """The module of this name in the clone's reports/."""
    from fer_utils.support.home import clone

    file = f"reports/{name.replace('.', '/')}.py"
    if not (clone() / file).is_file():
        raise CourseError(f"{clone()} has no {file}, and `fer {name.split('.')[0]}` needs it: run it in a clone.")
    sys.path.insert(0, str(clone()))
    return import_module(f"reports.{name}")


if __name__ == "__main__":
    sys.exit(main())
