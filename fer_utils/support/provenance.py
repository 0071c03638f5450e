"""Where a result comes from: the versions, the commit and the processor that made it."""

import json
import platform
import re
import subprocess
import sys
from contextlib import suppress
from importlib import metadata
from pathlib import Path


def git_commit(root: Path = Path(__file__).parents[2]) -> str | None:
    """The commit that the package runs from, with "-dirty" where its files differ from it; None where unknown."""
    if (root / ".git").exists():
        def git(*arguments: str) -> str:
            return subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, check=True).stdout

        try:
            # What a run writes under reports/ is its result and makes the code no dirtier.
            changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!reports")
            return git("rev-parse", "HEAD").strip() + ("-dirty" if changed else "")
        except (OSError, subprocess.CalledProcessError):
            return None
    origin = metadata.distribution("fer_utils").read_text("direct_url.json") or "{}"
    return json.loads(origin).get("vcs_info", {}).get("commit_id")


def environment() -> dict:
    """What `run.json` records of the machine and the packages."""
    names = [re.match(r"[\w.-]+", line)[0] for line in metadata.requires("fer_utils") if "extra ==" not in line]
    versions = {name: metadata.version(name) for name in names}
    known = {"versions": {"python": platform.python_version(), **versions}, "git_commit": git_commit(),
             "processor": _processor(), "system": platform.system()}
    # Torch is slow to import, and a notebook that has not done so has computed nothing with its threads.
    torch = sys.modules.get("torch")
    return known | ({"threads": torch.get_num_threads()} if torch else {})


def _processor() -> str:
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    return platform.processor() or platform.machine()
