"""What was decoded once comes back whole, or is decoded again."""

import os
import subprocess
import sys
import time
import warnings

import pytest
from making import load, make_rows, write_folder, zip_of

from fer_utils.data import load_faces
from fer_utils.support import sources
from fer_utils.support.archives import listing
from fer_utils.support.cache import signature


def test_cache_answers_until_the_source_changes(tmp_path, cache, monkeypatch):
    folder = write_folder(tmp_path / "faces", make_rows())
    path = zip_of(folder, tmp_path / "faces.zip")
    first, first_folder = load(path), load(folder)
    with monkeypatch.context() as patch:
        patch.setattr(sources, "read_source", lambda *_: pytest.fail("the cache should have answered"))
        again = load(path)
        assert again.fingerprint == first.fingerprint and (again.names == first.names).all()
    new = make_rows(seed=5)
    stamp = path.stat().st_mtime_ns
    zip_of(write_folder(folder, new), path)
    os.utime(path, ns=(stamp, stamp))  # a copied file may keep its time
    assert load(path).fingerprint == load(folder).fingerprint != first_folder.fingerprint
    assert len(list(cache.iterdir())) == 2


@pytest.mark.parametrize("damage", ["flip", "shift", "cut", "empty", "foreign"])
def test_damaged_cache_is_rebuilt(tmp_path, cache, damage):
    folder = write_folder(tmp_path / "faces", make_rows())
    faces = load(folder)
    (file,) = cache.iterdir()
    whole = file.read_bytes()
    changed = bytearray(whole)
    changed[len(whole) // 3] ^= 1
    shifted = bytearray(whole)
    shifted[whole.index(b"\x93NUMPY") + 8] ^= 16  # the images seem to begin 16 bytes earlier
    damaged = {"flip": changed, "shift": shifted, "cut": whole[:-500], "empty": b"", "foreign": b"\x93NUMPY"}
    file.write_bytes(damaged[damage])
    assert load(folder).fingerprint == faces.fingerprint
    assert len(file.read_bytes()) == len(whole) and [*cache.iterdir()] == [file]


def test_cache_that_cannot_be_written_is_only_a_warning(tmp_path, monkeypatch, cache, tiny_sample):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FER_CACHE", str(tmp_path / "file" / "cache"))
    folder = write_folder(tmp_path / "faces", make_rows())
    for source, n in ((folder, 18), ("sample", 18)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert len(load_faces(source)) == n
        said = [warning for warning in caught if "read afresh" in str(warning.message)]
        assert len(said) == 1 and said[0].filename == __file__ and said[0].category is UserWarning


def test_two_processes_may_start_at_once(tmp_path, cache):
    folder = write_folder(tmp_path / "faces", make_rows(210))
    code = f"from fer_utils.data import load_faces; print(load_faces({str(folder)!r}, verbose=False).fingerprint)"
    command = [sys.executable, "-W", "ignore", "-c", code]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = {run.communicate()[0].strip() for run in runs}
    assert outputs == {load(folder).fingerprint} and len(list(cache.iterdir())) == 1


def test_listing_many_files_takes_little_longer_than_walking_to_them(tmp_path):
    for i in range(100):
        (tmp_path / "train" / str(i)).mkdir(parents=True)
        for j in range(200):
            (tmp_path / "train" / str(i) / f"{j}.png").touch()
    ratios = []
    for _ in range(3):
        start = time.process_time()
        walked = [os.stat(os.path.join(top, name)) for top, _, names in os.walk(tmp_path) for name in names]
        middle = time.process_time()
        signature(tmp_path)
        with listing(tmp_path) as files:
            assert len(files) == len(walked) == 20_000
        ratios.append((time.process_time() - middle) / (middle - start))
        print(f"100,000 files: {5 * (time.process_time() - middle):.1f} s, {ratios[-1]:.1f} times os.walk and os.stat")
    assert min(ratios) < 10
