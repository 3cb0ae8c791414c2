"""Fingerprints: which parameters count as the same fit."""

import datetime
import enum
import json
from collections import OrderedDict

import numpy as np
import pytest

from skconv import ConvNetClassifier
from skconv.augmentation import RandomShift
from skconv.callbacks.fingerprint import encode_parameters
from skconv.layers import Dense


class Size(enum.IntEnum):
    SMALL = 1
    LARGE = 2


def encoded(**params):
    return encode_parameters(ConvNetClassifier(**params))


SAME = [
    ("filters", (2, 3), [2, 3]),
    ("filters", (2, 3), np.array([2, 3])),
    ("max_iter", 3, np.int64(3)),
    ("max_iter", 2, Size.LARGE),
    ("class_weight", {0: 1.0, 1: 2.0}, OrderedDict({1: 2.0, 0: 1.0})),
    ("n_iter_no_change", np.inf, float("inf")),
    ("layers", [("a", Dense(3))], [("a", Dense(np.int32(3)))]),
    ("verbose", 0, 2),
]
DIFFERENT = [
    ("filters", (2, 3), (3, 2)),
    ("max_iter", Size.SMALL, Size.LARGE),
    ("tol", np.longdouble(1) / 3, np.longdouble(1) / 7),
    ("class_weight", {0: 1.0}, {0: 2.0}),
    ("class_weight", {1: 2.0, "1": 3.0}, {1: 9.0, "1": 3.0}),
    ("class_weight", {"a" * 2000: 1.0}, {"a" * 2000: 2.0}),
    ("class_weight", {datetime.date(2020, 1, 1): 2}, {datetime.date(2021, 1, 1): 2}),
    ("class_weight", {np.datetime64("2020"): 2}, {np.datetime64("2021"): 2}),
    ("layers", [("a", Dense(3))], [("b", Dense(3))]),
    ("augment", RandomShift(1), RandomShift(2)),
    ("learning_rate", np.sin, json.dumps),
]


@pytest.mark.parametrize(("name", "one", "other"), SAME)
def test_equivalent_parameters_have_one_encoding(name, one, other):
    assert encoded(**{name: one}) == encoded(**{name: other})


@pytest.mark.parametrize(("name", "one", "other"), DIFFERENT)
def test_different_parameters_have_different_encodings(name, one, other):
    assert encoded(**{name: one}) != encoded(**{name: other})


@pytest.mark.parametrize(("name", "one", "other"), SAME + DIFFERENT)
def test_encoding_is_plain_json(name, one, other):
    for value in (one, other):
        parameters = encoded(**{name: value})
        assert json.loads(json.dumps(parameters, allow_nan=False)) == parameters
