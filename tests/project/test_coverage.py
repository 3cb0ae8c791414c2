"""What the measure of coverage leaves out says why."""

import re
from pathlib import Path

import skconv

ROOT = Path(skconv.__file__).parent
MARKS = re.compile(r"pragma: no (cover|branch)|GCOVR_EXCL_(LINE|START)")
# As the patterns of pyproject.toml have it, or the line counts in spite of its reason.
REASON = re.compile(r"(pragma: no (cover|branch)|GCOVR_EXCL_(LINE|START)) - \w")


def test_excused_lines_have_a_reason():
    paths = [path for path in ROOT.rglob("*") if path.suffix in (".py", ".h", ".cpp")]
    excused = [
        (path.name, line)
        for path in paths
        for line in path.read_text().splitlines()
        if MARKS.search(line)
    ]
    assert excused
    assert not [each for each in excused if not REASON.search(each[1])]
