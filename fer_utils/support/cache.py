"""What was decoded once comes back in a moment: arrays in $FER_CACHE, or in the user's cache folder.

A file there counts only if its source is what it was and its checksums hold (it is a zip, which has one for each
array), so it may be deleted or damaged at any time. Files are put in place whole, so two processes may start at once.
"""

import hashlib
import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL
import platformdirs

from fer_utils import CourseError
from fer_utils.support import archives, formats, images, schema, tables, trees
from fer_utils.support.archives import DataError
from fer_utils.support.files import remove_leftovers, replacing
from fer_utils.support.schema import Raw


def through_cache(name: str, signature: str, read: Callable[[], Raw]) -> Raw:
    """What `read` returned when the source had this signature, if the cache has it whole; else read, and keep it.

    A cache that cannot be written is a warning.
    """
    path = Path(os.environ.get("FER_CACHE") or platformdirs.user_cache_dir("fer_utils")).expanduser() / f"{name}.npz"
    try:
        with np.load(path) as stored:
            if stored.zip.testzip() is None and stored["signature"] == signature:
                return Raw(*(stored[field] for field in Raw._fields[:4]), json.loads(str(stored["found"])))
    except Exception:  # whatever an absent, damaged or foreign file raises, the source is still there
        pass
    raw = read()
    try:
        remove_leftovers(path.parent, ".*")
        with replacing(path) as temporary:
            np.savez(temporary, **raw._asdict() | {"found": json.dumps(raw.found)}, signature=signature)
    except CourseError as error:
        warnings.warn(f"the faces will be read afresh each time: in the cache, {error.__cause__}", stacklevel=5)
    return raw


def readers() -> str:
    """SHA-256 of what turns bytes into arrays: the course's readers and Pillow's decoders."""
    digest = hashlib.sha256(PIL.__version__.encode())
    for reader in (archives, formats, images, schema, tables, trees):
        digest.update(Path(reader.__file__).read_bytes())
    return digest.hexdigest()


def signature(path: Path) -> str:
    """SHA-256 of all that decides what is read: the bytes (of a folder: names, sizes, times) and the readers."""
    digest = hashlib.sha256(readers().encode())
    try:
        if path.is_dir():
            for name in sorted(name for name, _ in archives.walk(path)):
                place = os.path.join(path, name)
                stat = os.stat(place, follow_symlinks=os.path.exists(place))  # of a link to nowhere: the link's own
                digest.update(repr((name, stat.st_size, stat.st_mtime_ns)).encode())
        elif path.is_file():  # a pipe would keep us waiting
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    except OSError as error:
        name = archives.shown(error.filename or path)
        raise DataError(f"{name} cannot be read ({error.strerror}): check who may read it.") from error
    return digest.hexdigest()
