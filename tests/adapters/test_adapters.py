"""What `skconv.adapters` says where aeon and sktime are not installed."""

import sys

import pytest

import skconv.adapters


def test_missing_packages_are_named(monkeypatch):
    for name, package in {
        "AeonClassifier": "aeon",
        "SktimeClassifier": "sktime",
    }.items():
        monkeypatch.delitem(sys.modules, f"skconv.adapters.{package}", raising=False)
        monkeypatch.setitem(sys.modules, f"{package}.classification.base", None)
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(
            ImportError,
            match=rf'{name} needs {package}: pip install "skconv\[{package}\]"',
        ):
            getattr(skconv.adapters, name)


def test_names_are_listed_and_others_are_refused():
    assert set(skconv.adapters.__all__) <= set(dir(skconv.adapters))
    with pytest.raises(AttributeError, match="no attribute 'Classifier'"):
        _ = skconv.adapters.Classifier
