from pathlib import Path


def test_course_home(tmp_path, monkeypatch):
    monkeypatch.delenv("FER_HOME")
    assert course_home() == Path.cwd()
    (tmp_path / "course" / "notebooks").mkdir(parents=True)
    (tmp_path / "course" / "fer_utils").mkdir()
    monkeypatch.chdir(tmp_path / "course" / "notebooks")
    assert course_home() == tmp_path / "course"
    monkeypatch.setenv("FER_HOME", str(tmp_path))
    assert course_home() == tmp_path
