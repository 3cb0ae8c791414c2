"""Lists of transforms, wrong arguments and what a transform may return."""

import math

import numpy as np
import pytest
from seeds import SEED
from sklearn.base import clone
from transform_table import TRANSFORMS

from skconv.augmentation import (
    GaussianNoise,
    RandomAffine,
    RandomBrightness,
    RandomContrast,
    RandomErasing,
    RandomFlip,
    RandomRotation,
    RandomShift,
    augment,
)
from skconv.augmentation.protocol import name_transforms


def test_transforms_run_in_order_for_every_form_of_list(images):
    transforms = [RandomFlip(), RandomShift(1)]
    expected = images
    rng = np.random.default_rng(SEED + 3)
    for transform in transforms:
        expected = transform(expected, rng)
    for spelling in (
        transforms,
        tuple(transforms),
        [("mirror", transforms[0]), transforms[1]],
        [*transforms, "passthrough", ("nothing", "passthrough")],
        lambda x, rng: transforms[1](transforms[0](x, rng), rng),
    ):
        y = augment(images, spelling, np.random.default_rng(SEED + 3))
        np.testing.assert_array_equal(y, expected)
    assert augment(images, [], rng) is images


def test_transforms_are_named_like_layers():
    flip, shift = RandomFlip(), RandomShift(1)
    named = name_transforms([flip, ("mine", shift), shift, "passthrough", shift])
    names = ["randomflip_1", "mine", "randomshift_2", "randomshift_3"]
    assert [name for name, _ in named] == names
    assert name_transforms(flip) == [("randomflip_1", flip)]


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transform_can_be_cloned_and_rejects_unknown_parameters(name):
    transform = TRANSFORMS[name]
    twin = clone(transform)
    assert twin.get_params() == transform.get_params()
    assert repr(twin) == repr(transform)
    with pytest.raises(ValueError, match="Invalid parameter 'fil' for"):
        twin.set_params(fil=1)


def test_misspelt_argument_gets_a_suggestion():
    with pytest.raises(
        TypeError, match="no parameter 'degree'; did you mean 'degrees'"
    ):
        RandomAffine(degree=3)


WRONG_ARGUMENTS = {
    "horizontal must be True or False, got 'yes'": RandomFlip("yes"),
    "vertical must be True or False, got 1": RandomFlip(vertical=1),
    "max_shift must be an int >= 0, in pixels, a float from 0 to below 1, a share of "
    "the image's size, or a pair of them, got -1": RandomShift(-1),
    "max_shift must be an int >= 0, in pixels, a float from 0 to below 1, a share of "
    "the image's size, or a pair of them, got 1.5": RandomShift(1.5),
    "fill must be a number or one of 'edge', 'reflect', got 'wrap'": RandomShift(
        1, fill="wrap"
    ),
    "max_shift must be an int >= 0, in pixels, a float from 0 to below 1, a share of "
    "the image's size, or a pair of them, got 1.0": RandomShift(1.0),
    "fill must be a number, got inf": RandomShift(1, fill=math.inf),
    "fill must be a number, got None": RandomErasing(fill=None),
    "fill must be a number, got 'edge'": RandomRotation(1, fill="edge"),
    "fill must be a number, got nan": RandomRotation(1, fill=math.nan),
    "degrees must be a number from 0 to 180, got -5": RandomRotation(-5),
    "degrees must be a number from 0 to 180, got 181": RandomAffine(181),
    "shear must be a number from 0 to 89, got 90": RandomAffine(shear=90),
    "max_shift must be a number >= 0, got -1": RandomAffine(max_shift=(0, -1)),
    "max_shift must be a number or two, got (1, 2, 3)": RandomAffine(
        max_shift=(1, 2, 3)
    ),
    "scale must be (smallest, largest), got 1.2": RandomAffine(scale=1.2),
    "scale must be (smallest, largest), got (2, 1)": RandomAffine(scale=(2, 1)),
    "scale must be a number >= 0.001, got 0": RandomAffine(scale=(0, 1)),
    "probability must be a number from 0 to 1, got 2": RandomErasing(2),
    "area must be a number from 0 to 1, got 1.5": RandomErasing(area=(0, 1.5)),
    "area must be a number from 0 to 1, got 'a'": RandomErasing(area=("a", 1)),
    "ratio must be a number >= 0.001, got 0": RandomErasing(ratio=(0, 1)),
    "std must be a number >= 0, got -1": GaussianNoise(-1),
    "horizontal must be True or False, got 1": RandomFlip(horizontal=1),
    "max_change must be a number >= 0, got -1": RandomBrightness(-1),
    "scale must be (smallest, largest), got (3, 1)": RandomContrast((3, 1)),
    "center must be a number, got 'mean'": RandomContrast(center="mean"),
    "std must be a number >= 0, got None": GaussianNoise(None),
}


@pytest.mark.parametrize("words", WRONG_ARGUMENTS)
def test_error_names_transform_argument_rule_and_value(words, images, rng):
    transform = WRONG_ARGUMENTS[words]
    with pytest.raises(ValueError) as caught:
        augment(images, [("mine", transform)], rng)
    assert str(caught.value) == f"augment: transform 'mine' ({transform!r}): {words}"


SHAPELESS = "noise", "brightness", "amplitude"


@pytest.mark.parametrize("name", [name for name in TRANSFORMS if name not in SHAPELESS])
def test_transform_of_pixels_refuses_other_arrays(name, rng):
    words = r"takes images \(n, h, w, c\), got an array of shape \(4, 9\)$"
    with pytest.raises(ValueError, match=words):
        augment(np.ones((4, 9)), TRANSFORMS[name], rng)


WRONG_RESULTS = {
    "must return an array, got NoneType: None": lambda x, rng: None,
    "must return an array, got list": lambda x, rng: x.tolist(),
    r"of shape \(9, 6, 7, 3\) in float32, .* got \(9, 6, 7\)": lambda x, rng: x[..., 0],
    r"got \(9, 6, 7, 3\) in float64": lambda x, rng: x * np.ones(1),
    "read-only; the input must not be changed: return a new array": (
        lambda x, rng: np.multiply(x, 2, out=x)
    ),
}


@pytest.mark.parametrize("words", WRONG_RESULTS)
def test_result_of_callable_is_checked(words, images, rng):
    with pytest.raises(ValueError, match=f"augment: transform 'function_1' .*{words}"):
        augment(images, WRONG_RESULTS[words], rng)


def test_error_of_a_numpy_type_names_the_transform(images, rng):
    words = "augment: transform 'function_1' .* did not contain a loop"
    with pytest.raises(TypeError, match=words):
        augment(images, lambda x, rng: np.add(x, "a"), rng)


@pytest.mark.parametrize(
    ("transforms", "words"),
    [
        (RandomFlip, r"got <class .*RandomFlip'>; call it: RandomFlip\(\.\.\.\)"),
        ([RandomFlip(), 3], "must be a callable .* got 3"),
        ("flip", "must be a callable .* got 'flip'"),
        (None, "must be a callable .* got None"),
    ],
)
def test_non_callable_is_refused(transforms, words, images, rng):
    with pytest.raises(TypeError, match=words):
        augment(images, transforms, rng)


def test_repeated_name_is_refused():
    with pytest.raises(ValueError, match="distinct names, got 2 of 'a'"):
        name_transforms([("a", RandomFlip()), ("a", RandomShift(1))])
