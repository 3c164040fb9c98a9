"""The policy file on disk: changes, faults, and where they are."""

import os
from pathlib import Path

import pytest

from services.policies import PolicyFile, PolicyUnusable, line_of, load

GOOD = """\
[people.ann]
name = "Ann"
email = "ann@example.com"

[[policy]]
name = "first"
match = { categories = ["it"] }

[[policy.stages]]
name = "One"
reviewers = ["ann"]
deadline = "P1D"

[[policy]]
name = "last"

[[policy.stages]]
name = "One"
reviewers = ["ann"]
deadline = "P1D"

[[policy.stages]]
name = "Two"
reviewers = ["ann"]
deadline = "P2D"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A good policy file."""
    path = tmp_path / "policy.toml"
    path.write_text(GOOD)
    return path


def changed(path: Path, text: str) -> None:
    """Write the file anew, as a later one."""
    stamp = path.stat().st_mtime_ns + 1_000_000_000
    path.write_text(text)
    os.utime(path, ns=(stamp, stamp))


def test_a_changed_file_counts_from_the_next_look_on(path: Path) -> None:
    """Nobody has to start the app again for a new policy."""
    file = PolicyFile(path)
    assert file.current().policy[0].name == "first"
    changed(path, GOOD.replace('"first"', '"other"'))
    assert file.current().policy[0].name == "other"
    assert file.fault() is None


def test_a_faulty_file_leaves_the_last_good_one_and_says_what_is_wrong(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A slip of the pen stops no approvals; the log and health show it until it is put right."""
    file = PolicyFile(path)
    file.current()
    changed(path, GOOD.replace('"P2D"', '"2 days"'))
    assert file.current().policy[1].stages[1].name == "Two"
    assert "line 25, policy.1.stages.1.deadline: '2 days' is no duration" in str(file.fault())
    assert "last good version stays" in caplog.text
    changed(path, GOOD)
    assert file.fault() is None


def test_without_a_good_file_there_is_no_policy(tmp_path: Path) -> None:
    """The first start with a wrong path says which file it wanted."""
    file = PolicyFile(tmp_path / "policy.toml")
    with pytest.raises(PolicyUnusable, match=r"policy\.toml cannot be read: No such file"):
        file.current()
    assert "cannot be read" in str(file.fault())


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('deadline = "P2D"', "deadline =", r"is no TOML: .*line 25"),
        ('name = "Two"', 'name = "Two"\nrule = "3 of 2"', r"line 22, policy\.1\.stages\.1: 3 of 2: more approvals than people"),
        ('name = "Two"', 'name = "Two"\nreminder = ["P1D"]', r"line 24, policy\.1\.stages\.1\.reminder: Extra inputs"),
        ('email = "ann@example.com"', 'email = "ann"', r"line 3, people\.ann\.email: "),
        ('[[policy.stages]]\nname = "Two"', '[[policy.stages]]\nnam = "Two"', r"line 22, policy\.1\.stages\.1\.name: Field required"),
        ('categories = ["it"]', 'categories = "it"', r"line 7, policy\.0\.match\.categories: "),
    ],
)
def test_a_fault_is_told_with_line_and_field(path: Path, old: str, new: str, complaint: str) -> None:
    """Whoever writes policies sees where to look."""
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(PolicyUnusable, match=complaint):
        load(path)


def test_every_field_of_a_file_is_found_on_its_line() -> None:
    """Positions in arrays of tables count from the top, anew within each table."""
    lines = GOOD.splitlines()
    assert lines[line_of(GOOD, ("policy", 0, "stages", 0, "deadline")) - 1] == 'deadline = "P1D"'
    assert line_of(GOOD, ("policy", 0, "stages", 0, "deadline")) == 12
    assert line_of(GOOD, ("policy", 1, "stages", 0, "deadline")) == 20
    assert line_of(GOOD, ("policy", 1, "name")) == 15
