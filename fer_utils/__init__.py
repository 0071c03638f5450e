"""The thin package behind the notebooks of the facial expression course.

Nothing heavy is imported here, so that `import fer_utils` costs milliseconds: take what a lesson needs from its module,
for example `from fer_utils.data import load_faces`.
"""

__version__ = "1.0.0"

CLASSES = ("Angry", "Happy", "Neutral")
"""The poster's three classes; a label is an index into this tuple (Angry 0, Happy 1, Neutral 2)."""


class CourseError(ValueError):
    """Something the reader can mend: one sentence that says what was wrong, where, and what to do."""
