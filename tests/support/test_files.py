"""Files are written whole or not at all, by one process at a time."""

import json

import pytest

from fer_utils import CourseError
from fer_utils.support.files import locked, replacing, write_json


def test_a_write_that_fails_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "metrics.json"
    write_json(path, {"old": 1})
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert json.loads(path.read_text()) == {"old": 1} and [*tmp_path.iterdir()] == [path]


def test_the_lock_is_free_again_after_an_error(home):
    with pytest.raises(CourseError):
        with locked(home):
            raise CourseError("something")
    with locked(home):
        pass
