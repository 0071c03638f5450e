"""One figure of a run at the width that a paper or a slide needs."""

import shutil
from pathlib import Path

import matplotlib

from fer_utils import CourseError, brief
from fer_utils.runs import Run
from fer_utils.support.checks import to_choose
from fer_utils.support.files import reading, replacing, temporary_folder
from fer_utils.support.saved_figures import drawn_width


def export_figure(run: Run, name: str, width_mm: float | None = None, form: str = "pdf") -> Path:
    """Write figures/<name>-<width>mm.<form>: the run's vector figure, text and all, at exactly `width_mm`.

    width_mm: None for the figure's own width, at which nothing is scaled; form: pdf, svg, or png with 300 dpi. Raises
    CourseError where the run has no such figure or the width is no width.
    """
    drawings = {path.stem: path for path in sorted(run.path.glob("figures/*.svg")) if not path.stem.endswith("mm")}
    if name not in drawings:
        raise CourseError(f"The run {run.path.name} has no figure {name[:80]!r}: choose from "
                          f"{to_choose(name, drawings)}.")
    with reading(drawings[name]):
        width = drawn_width(drawings[name]) if width_mm is None else width_mm
    if not 10 <= width <= 2000:
        raise CourseError(f"A figure cannot be {width:g} mm wide here: give 10 to 2,000 mm.")
    with temporary_folder() as folder:
        shutil.copy(drawings[name], Path(folder, "figure.svg"))
        page = Path(folder, "page.typ")
        page.write_text(f"#set page(width: {width}mm, height: auto, margin: 0mm)\n#set document(date: none)\n"
                        '#image("figure.svg", width: 100%)\n', encoding="utf-8")
        try:
            content = typst_compiler(page).compile(format=form, ppi=300)
        except RuntimeError as error:
            raise CourseError(f"{drawings[name]} is no drawing that Typst can read ({brief(error)}): draw it again by "
                              f"`fer figures {run.path.name}`.") from error
    path = run.path / "figures" / f"{name}-{width:g}mm.{form}"
    with replacing(path) as temporary:
        temporary.write_bytes(content)
    return path


def typst_compiler(source: Path):
    """Typst for one source file. matplotlib brings DejaVu Sans, the figures' own font, so every machine sets alike."""
    try:
        import typst
    except ImportError as error:
        raise CourseError("Posters and exported figures need Typst: install it by `pip install typst`.") from error
    return typst.Compiler(source, root=source.parent, ignore_system_fonts=True,
                          font_paths=[Path(matplotlib.get_data_path(), "fonts", "ttf")])
