"""What the files of the repository say more than once, they say alike."""

import json
import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import skconv

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = [ROOT / ".github" / "ISSUE_TEMPLATE" / name for name in ("bug.yml", "idea.yml")]
PREFIX = "Programming Language :: Python :: 3."
PYTHONS = [
    each.removeprefix(PREFIX.removesuffix("3."))
    for each in PROJECT["project"]["classifiers"]
    if each.startswith(PREFIX)
]


def name_of(path):
    return path.name


def read(path):
    """Return a file of YAML; `on:` is the key True."""
    return yaml.safe_load(path.read_text())


def jobs():
    return {
        f"{path.stem}: {name}": job
        for path in WORKFLOWS
        for name, job in read(path)["jobs"].items()
    }


def steps():
    return [step for job in jobs().values() for step in job["steps"]]


def test_workflows_are_found():
    assert [path.stem for path in WORKFLOWS] == ["nightly", "tests", "wheels"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=name_of)
def test_workflow_has_no_permissions_but_those_of_its_jobs(path):
    assert read(path)["permissions"] == {}
    assert "concurrency" in read(path)


@pytest.mark.parametrize("name", jobs())
def test_job_reads_the_repository_or_publishes(name):
    job = jobs()[name]
    publishes = name == "wheels: publish"
    least = {"id-token": "write"} if publishes else {"contents": "read"}
    assert job["permissions"] == least
    assert ("environment" in job) == publishes
    assert job["timeout-minutes"] <= 120


def test_actions_are_pinned_to_commits_with_their_version():
    lines = [
        line
        for path in WORKFLOWS
        for line in path.read_text().splitlines()
        if "uses:" in line
    ]
    assert len(lines) == sum("uses" in step for step in steps())
    for line in lines:
        assert re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)


def test_an_action_has_one_commit():
    uses = {step["uses"] for step in steps() if "uses" in step}
    assert len({each.split("@")[0] for each in uses}) == len(uses)


def test_commands_of_ci_exist():
    for step in steps():
        if (command := step.get("run", "").split(" ")[0]).startswith(".ci/"):
            assert (ROOT / command).exists()


def test_pythons_are_those_of_the_tests_and_the_pages():
    matrix = read(ROOT / ".github/workflows/tests.yml")["jobs"]["systems"]["strategy"]
    assert matrix["matrix"]["python"] == PYTHONS
    assert PROJECT["project"]["requires-python"] == f">={PYTHONS[0]}"
    page = (ROOT / "docs/developing/releasing.md").read_text()
    assert f"| Python | {PYTHONS[0]} to {PYTHONS[-1]};" in page
    for name in ("README.md", "CONTRIBUTING.md", "docs/install.md"):
        assert f"Python {PYTHONS[0]} or later" in (ROOT / name).read_text()


def test_oldest_versions_are_those_of_the_project_and_the_pages():
    page = (ROOT / "docs/developing/releasing.md").read_text()
    oldest = (ROOT / ".ci/oldest").read_text()
    for each in PROJECT["project"]["dependencies"]:
        name, version = each.split(">=")
        assert f"{name}=={version}." in oldest
        assert name == "joblib" or version in page


def test_versions_agree():
    citation = read(ROOT / "CITATION.cff")
    assert citation["version"] == skconv.__version__
    assert citation["license"] == PROJECT["project"]["license"]
    assert re.search(rf"^## {skconv.__version__}\b", CHANGELOG, re.M)


CHANGELOG = (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("path", FORMS, ids=name_of)
def test_form_asks_for_something_that_is_needed(path):
    form = read(path)
    assert {"name", "description", "labels", "body"} <= set(form)
    needed = [each.get("validations", {}).get("required") for each in form["body"]]
    assert any(needed)
    ids = [each["id"] for each in form["body"] if each["type"] != "markdown"]
    assert len(set(ids)) == len(ids)


def test_history_of_speed_measures_the_nets_of_the_benchmarks():
    conf = json.loads((ROOT / "asv.conf.json").read_text())
    sys.path.insert(0, str(ROOT))
    from benchmarks.history.steps import Steps
    from benchmarks.peers.nets import NETS

    assert (ROOT / conf["benchmark_dir"] / "steps.py").exists()
    assert set(Steps.params[0]) <= set(NETS)
    it = Steps()
    it.setup("digits", "train")
    it.time_one_batch("digits", "train")


@pytest.mark.parametrize(
    "path", ["skconv/ops/src/CMakeLists.txt", "docs/scripts/wasm.py"]
)
def test_no_compiler_chooses_what_is_fused(path):
    """Each would fuse other products with a sum: those to fuse are calls of `fma`."""
    text = (ROOT / path).read_text()
    assert text.count("-ffp-contract=") == text.count("-ffp-contract=off") == 1
