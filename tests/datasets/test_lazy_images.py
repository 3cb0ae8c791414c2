"""Images that stay in their files until they are needed."""

import pickle

import numpy as np
import pytest
import small_folders
from seeds import SEED
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from small_folders import small

from skconv.callbacks import Checkpoint
from skconv.datasets import load_image_folder
from skconv.datasets.image_files import ImageFiles

folder = small_folders.folder


def test_large_data_are_lazy(folder, monkeypatch):
    assert isinstance(load_image_folder(folder).data, np.ndarray)
    monkeypatch.setattr("skconv.datasets.image_folder._LARGE", 100)
    lazy = load_image_folder(folder).data
    assert isinstance(lazy, ImageFiles)
    assert repr(lazy) == "ImageFiles(shape=(24, 8, 8, 3), dtype=uint8)"
    assert isinstance(load_image_folder(folder, lazy=False).data, np.ndarray)


def test_lazy_array_is_indexed_like_an_array(folder):
    X = load_image_folder(folder).data
    lazy = load_image_folder(folder, lazy=True).data
    assert (lazy.shape, lazy.ndim, lazy.size, lazy.nbytes, len(lazy)) == (
        X.shape,
        4,
        X.size,
        X.nbytes,
        24,
    )
    mask = np.arange(24) % 3 == 0
    keys = [3, -1, np.int64(2), slice(2, 9, 3), [4, 1, 1], np.array([5, 0]), mask, mask.tolist(),
            (3, 2), (slice(1, 3), 0), ([1, 2], ..., 0), (..., 1), ..., [], slice(0, 0),
            (slice(None), slice(2, 4)), ([3, 1], ...)]  # fmt: skip
    for key in keys:
        np.testing.assert_array_equal(np.asarray(lazy[key]), X[key], err_msg=str(key))
        assert np.asarray(lazy[key]).dtype == X.dtype
    assert isinstance(lazy[[4, 1]], ImageFiles) and isinstance(lazy[3], np.ndarray)
    assert (
        (lazy.min(), lazy.max()) == (X.min(), X.max()) == (np.min(lazy), np.max(lazy))
    )
    assert [image.tolist() for image in lazy] == X.tolist()
    assert (np.asarray(pickle.loads(pickle.dumps(lazy))) == X).all()
    assert np.asarray(lazy, float).dtype == float
    for wrong in (24, None, [[1], [2]], "a", [0.5]):
        with pytest.raises(IndexError):
            lazy[wrong]
    with pytest.raises(TypeError, match="cannot be set"):
        lazy[0] = 1
    with pytest.raises(TypeError, match=r"np.asarray\(X\) reads all of them; Norm"):
        lazy / 255
    with pytest.raises(ValueError, match="without reading"):
        np.asarray(lazy, copy=False)


def test_fits_of_lazy_and_whole_arrays_are_the_same(folder, tmp_path_factory):
    X, y = load_image_folder(folder, return_X_y=True)
    lazy, _ = load_image_folder(folder, lazy=True, return_X_y=True)
    clf, other = small().fit(X, y), small().fit(lazy, y)
    assert (clf.network_.values == other.network_.values).all()
    assert (clf.predict_proba(X) == clf.predict_proba(lazy)).all()
    assert clf.score(lazy, y) == 1
    checkpoints = tmp_path_factory.mktemp("fits")
    for given in (X, lazy):  # the second resumes the first
        early = small().set_params(early_stopping=True, scoring="f1_macro")
        early.set_callbacks(Checkpoint(checkpoints)).fit(
            given, y, X_val=given[::3], y_val=y[::3]
        )
    assert len(list(checkpoints.iterdir())) == 1
    again = (
        small()
        .partial_fit(lazy[:12], y[:12], classes=np.unique(y))
        .partial_fit(lazy[12:], y[12:])
    )
    whole = (
        small()
        .partial_fit(X[:12], y[:12], classes=np.unique(y))
        .partial_fit(X[12:], y[12:])
    )
    assert (again.network_.values == whole.network_.values).all()


@pytest.mark.slow
def test_lazy_arrays_are_split_and_searched(folder):
    lazy, y = load_image_folder(folder, lazy=True, return_X_y=True)
    X = np.asarray(lazy)
    parts = train_test_split(lazy, y, stratify=y, random_state=SEED)
    assert isinstance(parts[0], ImageFiles) and parts[0].shape == (18, 8, 8, 3)
    assert small().fit(parts[0], parts[2]).score(parts[1], parts[3]) > 0.8
    assert (
        cross_val_score(small(), lazy, y, cv=3) == cross_val_score(small(), X, y, cv=3)
    ).all()
    search = GridSearchCV(small(), {"batch_size": [6, 12]}, cv=2, n_jobs=2).fit(lazy, y)
    assert search.score(lazy, y) > 0.8


def test_only_some_images_are_in_memory_during_a_fit(folder, monkeypatch):
    lazy, y = load_image_folder(folder, lazy=True, return_X_y=True)
    read, original = [], ImageFiles.__array__

    def count(self, *args, **kwargs):
        read.append(len(self))
        return original(self, *args, **kwargs)

    monkeypatch.setattr(ImageFiles, "__array__", count)
    monkeypatch.setattr("skconv._data.batches._BATCH_BYTES", 20000)
    monkeypatch.setattr("skconv._data.weighing._CHUNK_BYTES", 20000)
    small().fit(lazy, y).predict(lazy)
    assert read and max(read) < 24


def test_lazy_arrays_name_a_truncated_file_when_it_is_read(folder):
    whole = (folder / "dark" / "01.png").read_bytes()
    (folder / "dark" / "01.png").write_bytes(whole[: len(whole) - 40])
    X, y = load_image_folder(folder, lazy=True, return_X_y=True)
    clf = small().fit(X[2:], y[2:])
    before = clf.network_.values.copy()
    for call in (clf.fit, clf.score):
        with pytest.raises(ValueError, match=r"image .*dark.01\.png cannot be read"):
            call(X, y)
    assert (clf.network_.values == before).all()
    (folder / "dark" / "00.png").unlink()
    with pytest.raises(ValueError, match=r"00\.png cannot be read: .*No such file"):
        X[0]
