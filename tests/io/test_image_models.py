"""Files, exports and checkpoints of estimators whose targets are images."""

import json

import numpy as np
import pytest
from seeds import SEED
from sklearn.base import clone

import skconv
from skconv import ConvNetAutoencoder, ConvNetRegressor, ConvNetSegmenter
from skconv._utils import documents
from skconv.augmentation import CutMix, RandomAffine
from skconv.callbacks import Checkpoint
from skconv.layers import Conv1D, Conv2D, UpSampling2D

RNG = np.random.default_rng(SEED)
X = RNG.random((24, 8, 8)).astype(np.float32)
LABELS = np.array(["a", "b", "c"])[(X * 3).astype(int)]
CODES = (X * 3).astype(int) - 1
SMALL = {"max_iter": 3, "random_state": SEED, "batch_size": 8}
NET = [Conv2D(4, 3, activation="relu")]
SIGNALS = [Conv1D(4, 3, activation="relu")]
COLOURS = np.stack([X * 3 + 1, -X], axis=-1)

MODELS = {
    "masks": (ConvNetSegmenter(NET, **SMALL), X, LABELS),
    "masks by views": (
        ConvNetSegmenter(NET, tta=["flip", "vertical_flip", "shift"], **SMALL), X, CODES,
    ),
    "two classes": (ConvNetSegmenter(NET, class_weight="balanced", **SMALL), X, X > 0.5),
    "labels of signals": (
        ConvNetSegmenter(SIGNALS, tta=["flip", "shift"], **SMALL),
        X.reshape(24, 64, 1), CODES.reshape(24, 64),
    ),
    "default network": (ConvNetSegmenter(filters=(2, 4), **SMALL), X, LABELS),
    "images": (ConvNetRegressor(NET, tta="flip", **SMALL), X, 3 * X),
    "colours": (ConvNetRegressor(NET, **SMALL), X, COLOURS),
    "counts": (ConvNetRegressor(NET, loss="poisson", tta="shift", **SMALL), X, X),
    "larger images": (
        ConvNetRegressor([*NET, UpSampling2D(2)], tta="shift", **SMALL),
        X, X.repeat(2, axis=1).repeat(2, axis=2),
    ),
    "codes": (ConvNetAutoencoder(n_components=3, filters=2, **SMALL), X, None),
    "codes of rows": (
        ConvNetAutoencoder(n_components=3, filters=2, loss="huber", **SMALL),
        X.reshape(24, 64), None,
    ),
}  # fmt: skip


def outputs(model, inputs):
    if isinstance(model, ConvNetAutoencoder):
        codes = model.transform(inputs)
        return codes, model.inverse_transform(codes)
    probabilities = getattr(model, "predict_proba", model.predict)
    return model.predict(inputs), probabilities(inputs)


def assert_same(a, b):
    for one, other in zip(a, b, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


@pytest.fixture(scope="module", params=MODELS)
def fitted(request):
    model, inputs, targets = MODELS[request.param]
    return clone(model).fit(inputs, targets), inputs, targets


def test_model_file_has_all_of_it(fitted, tmp_path):
    model, inputs, targets = fitted
    skconv.save_model(model, tmp_path / "model")
    loaded = skconv.load_model(tmp_path / "model")
    assert_same(outputs(model, inputs), outputs(loaded, inputs))
    assert loaded.score(inputs, targets) == model.score(inputs, targets)
    if "class_weight" in model.get_params():
        loaded.set_params(class_weight=None)  # "balanced" is not for a part of the data
    loaded.partial_fit(inputs, targets)


def test_skops_file_needs_the_trusted_types_only(fitted, tmp_path):
    skops = pytest.importorskip("skops.io")
    model, inputs, _ = fitted
    skops.dump(model, tmp_path / "model.skops")
    loaded = skops.load(tmp_path / "model.skops", trusted=skconv.trusted_types())
    assert_same(outputs(model, inputs), outputs(loaded, inputs))


@pytest.mark.parametrize("image", [False, True])
def test_onnx_model_agrees(fitted, image):
    pytest.importorskip("onnxruntime")
    model, inputs, _ = fitted
    onnx_model = skconv.to_onnx(model, image=image, X=inputs)
    names = [output.name for output in onnx_model.graph.output]
    expected = ["variable"]
    if isinstance(model, ConvNetSegmenter):
        expected = ["label", "probabilities"]
    assert names == expected
    run = pytest.importorskip("onnxruntime").InferenceSession(
        onnx_model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    shape = model.input_shape_ if image else (-1,)
    found = run.run(None, {"X": inputs.reshape(len(inputs), *shape)})
    first = outputs(model, inputs)[0]
    assert found[0].shape == first.shape
    if names[0] == "variable":
        np.testing.assert_allclose(found[0], first, rtol=1e-4, atol=1e-4)
    else:
        assert (found[0] == first).mean() > 0.999


def test_torch_weights_come_back(fitted):
    model, inputs, targets = fitted
    other = (
        clone(model).set_params(random_state=SEED + 1, max_iter=1).fit(inputs, targets)
    )
    skconv.from_torch(other, skconv.to_torch(model))
    assert_same(outputs(other, inputs), outputs(model, inputs))


def test_autoencoder_is_exported_within_a_pipeline():
    pytest.importorskip("skl2onnx")
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    auto = ConvNetAutoencoder(n_components=3, filters=2, **SMALL)
    pipe = make_pipeline(auto, LogisticRegression())
    pipe.fit(X.reshape(24, 64), np.arange(24) % 2)
    skconv.to_onnx(pipe, X=X.reshape(24, 64))  # which compares them


# Checkpoints ----------------------------------------------------------------------------


class Killed(Exception):
    pass


def dying(epoch):
    """Return a transform that fails in an epoch: 3 minibatches each."""
    calls = iter(range(100))

    def transform(x, rng):
        if next(calls) == 3 * epoch:
            raise Killed
        return x

    return transform


@pytest.mark.parametrize("augment", [[RandomAffine(20)], [CutMix()]])
@pytest.mark.parametrize("name", ["masks", "two classes", "images", "counts", "codes"])
def test_fit_that_was_killed_resumes_to_the_same_bits(
    name, augment, tmp_path, monkeypatch
):
    model, inputs, targets = MODELS[name]
    model = clone(model).set_params(max_iter=5, augment=augment)
    expected = clone(model).fit(inputs, targets)
    path = tmp_path / "fit.ckpt"
    kill = dying(3)
    original = augment[0].transform_batch

    def killing(batch, rng):
        kill(batch.x, rng)
        return original(batch, rng)

    killed = clone(model)
    killed.set_callbacks(Checkpoint(path))
    monkeypatch.setattr(
        type(augment[0]), "transform_batch", lambda self, *each: killing(*each)
    )
    with pytest.raises(Killed):
        killed.fit(inputs, targets)
    monkeypatch.undo()
    resumed = clone(model)
    resumed.set_callbacks(Checkpoint(path))
    resumed.fit(inputs, targets)
    np.testing.assert_array_equal(resumed.network_.values, expected.network_.values)
    assert resumed.loss_curve_ == expected.loss_curve_
    restored = clone(model)
    Checkpoint(path).restore(restored)
    assert_same(outputs(restored, inputs), outputs(expected, inputs))


def test_checkpoint_of_other_masks_is_not_resumed(tmp_path):
    model = clone(MODELS["masks"][0])
    model.set_callbacks(Checkpoint(tmp_path / "fit.ckpt"))
    model.fit(X, LABELS)
    with pytest.raises(ValueError, match="other X, y or sample_weight"):
        model.fit(X, LABELS[:, ::-1])


# Tampered files -------------------------------------------------------------------------


TAMPERED = {
    "must have 1 to 2 axes": ("masks", {"shape": [8, 8, 1]}),
    r"has outputs \(8, 8, 3\), but its classes or targets need \(8, 4, 3\)": (
        "masks", {"shape": [8, 4]},
    ),
    "the shape of its targets": ("masks", {"shape": [8, -8]}),
    "must be an object with the keys": ("masks", {"more": 1}),
    "it must have at least two classes": ("masks", {"classes": ["a"]}),
    r"targets of shape \(8, 8, 2\) cannot be images": ("colours", {"output_shape": [8, 8, 3]}),
    "must have 2 to 3 axes": ("colours", {"output_shape": [128]}),
    "the center of its encoder must be": ("colours", {"center": [0.0] * 5}),
    "scale of its encoder must be positive": ("colours", {"scale": [0.0, 1.0]}),
    "its encoder's loss": ("colours", {"loss": "no"}),
}  # fmt: skip


@pytest.mark.parametrize("words", TAMPERED)
def test_tampered_file_is_refused(words, tmp_path):
    name, changes = TAMPERED[words]
    model, inputs, targets = MODELS[name]
    rewrite(clone(model).fit(inputs, targets), tmp_path / "model", changes)
    with pytest.raises(ValueError, match=words):
        skconv.load_model(tmp_path / "model")


def test_encoder_of_another_estimator_is_refused(tmp_path):
    model, inputs, targets = MODELS["images"]
    masks = skconv._data.mask_encoder.MaskEncoder(np.array([0, 1]), (8, 8))
    changes = skconv.callbacks.fitted.describe_encoder(masks)
    rewrite(clone(model).fit(inputs, targets), tmp_path / "model", changes, whole=True)
    words = "its encoder is one of masks, which a ConvNetRegressor does not predict"
    with pytest.raises(ValueError, match=words):
        skconv.load_model(tmp_path / "model")


def rewrite(model, path, changes, whole=False):
    """Save a model with another description of its encoder."""
    skconv.save_model(model, path)
    with documents.reading(path, "model") as reader:
        document = json.loads(json.dumps(reader.document))
        arrays = reader.empty(reader.parts)
        reader.read_into(arrays)
    encoder = {} if whole else document["fitted"]["encoder"]
    document["fitted"]["encoder"] = {**encoder, **changes}
    documents.write(path, "model", document, arrays)
