"""What `calls` lets fail: operations, and what must be true after each."""

import hashlib
import pickle
import types

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import skconv
from skconv import ConvNetClassifier
from skconv._utils import safetensors
from skconv._utils.memory import is_lack_of_memory
from skconv.callbacks import Checkpoint, JSONLogger
from skconv.layers import BatchNorm, Conv2D, Dense, Dropout, MaxPool2D

X = np.random.default_rng(0).random((24, 6, 6)).astype(np.float32)
Y = np.arange(24) % 2
LAYERS = [
    Conv2D(2),
    BatchNorm(activation="relu"),
    MaxPool2D(2),
    Dropout(0.2),
    Dense(3, "relu"),
]


def classifier(**params):
    defaults = {"layers": LAYERS, "max_iter": 2, "batch_size": 8, "random_state": 0}
    return ConvNetClassifier(**{**defaults, **params})


# Its convolutions run in several threads.
IMAGES = np.random.default_rng(0).random((24, 16, 16)).astype(np.float32)
LARGE = classifier(layers=[Conv2D(16), BatchNorm(), Conv2D(16), MaxPool2D(2)])
LARGE.set_params(max_iter=1, batch_size=12)


def state_of(model):
    """Return a digest of all that an estimator has."""
    fitted = dict(vars(model))
    fitted.pop("_skl_callbacks", None)
    network = fitted.pop("network_", None)
    values = b"" if network is None else network.values.tobytes()
    return hashlib.sha256(pickle.dumps(fitted) + values).hexdigest()


def outcome(model):
    return model.network_.values.tobytes(), tuple(model.loss_curve_), model.n_iter_


class Operation:
    """An operation on the file `path`, in a folder of its own."""

    name = "model.safetensors"
    in_new_thread = False  # in which the compiled ops have no memory yet

    def __init__(self, folder):
        self.folder, self.path = folder, folder / self.name
        self.model = classifier().fit(X, Y)

    def prepare(self):
        """Make everything as it was."""

    def run(self):
        raise NotImplementedError

    def state(self):
        """Return what an operation that fails must not change."""
        return state_of(self.model)

    def check_success(self):
        """Check the result."""

    def check_failure(self, error):
        """Check what an error left."""

    def check_folder(self, may_leave):
        """Check that no other file is left, and remove those that may be."""
        for path in self.folder.iterdir():
            if path.name.endswith(".tmp"):
                assert may_leave, f"{path.name} is left"
                path.unlink()
            else:
                assert self.is_own(path), f"{path.name} is left"

    def is_own(self, path):
        return path == self.path

    def wrong_words(self, error):
        """Return what an error must not say."""
        return ()


class Save(Operation):
    """Replace a file by another."""

    def __init__(self, folder):
        super().__init__(folder)
        self.old, self.new = (self.written(seed) for seed in (1, 0))

    def written(self, seed):
        self.model = classifier(random_state=seed).fit(X, Y)
        self.write()
        return self.path.read_bytes()

    def write(self):
        skconv.save_model(self.model, self.path)

    def prepare(self):
        self.path.write_bytes(self.old)

    def run(self):
        self.write()

    def check_success(self):
        assert self.path.read_bytes() == self.new

    def check_failure(self, error):
        assert self.path.read_bytes() in (self.old, self.new)

    def wrong_words(self, error):
        if self.path.exists() and self.path.read_bytes() == self.new:
            return ("was left unchanged",)
        return ("is in its place",)


class SaveNew(Save):
    """Write a file where there is none."""

    def prepare(self):
        self.path.unlink(missing_ok=True)

    def check_failure(self, error):
        assert not self.path.exists() or self.path.read_bytes() == self.new


class Explain(Save):
    """Write the page of a model."""

    name = "page.html"

    def write(self):
        skconv.explain(self.model, X[:1], self.path)


class Describe(Operation):
    """Make the table of arrays of a file, by code that did not run before.

    Code that ran some times keeps a MemoryError of NumPy, where new code lost it.
    """

    def prepare(self):
        describe = safetensors.describe
        new = describe.__code__.replace()
        self.describe = types.FunctionType(new, describe.__globals__)

    def run(self):
        self.table = self.describe(self.model.network_.arrays)

    def check_success(self):
        assert self.table == safetensors.describe(self.model.network_.arrays)


class Load(Operation):
    """Load a model."""

    def __init__(self, folder):
        super().__init__(folder)
        skconv.save_model(self.model, self.path)

    def run(self):
        self.loaded = skconv.load_model(self.path)

    def check_success(self):
        assert outcome(self.loaded) == outcome(self.model)


class Restore(Operation):
    """Restore a checkpoint to an estimator that has another fit."""

    name = "fit.ckpt"

    def __init__(self, folder):
        super().__init__(folder)
        self.expected = classifier(max_iter=3)
        self.expected.set_callbacks(Checkpoint(self.path)).fit(X, Y)

    def prepare(self):
        self.model = classifier(max_iter=1).fit(X, Y).set_params(max_iter=3)

    def run(self):
        Checkpoint(self.path).restore(self.model)

    def check_success(self):
        assert outcome(self.model) == outcome(self.expected)


class Fit(Operation):
    """Fit anew, with a checkpoint after each epoch."""

    name = "fit.ckpt"

    def __init__(self, folder):
        super().__init__(folder)
        self.expected = outcome(classifier(max_iter=3).fit(X, Y))
        self.fitted = classifier(max_iter=1, random_state=1).fit(X, Y)
        self.fitted.set_params(max_iter=3, random_state=0)

    def prepare(self):
        self.path.unlink(missing_ok=True)
        self.model = pickle.loads(pickle.dumps(self.fitted))
        self.set_callbacks(self.model)

    def set_callbacks(self, model):
        model.set_callbacks(Checkpoint(self.path))

    def run(self):
        self.model.fit(X, Y)

    def check_success(self):
        assert outcome(self.model) == self.expected

    def check_failure(self, error):
        """Check that the fit, run again, ends with the same bits."""
        again = classifier(max_iter=3).set_callbacks(Checkpoint(self.path))
        assert outcome(again.fit(X, Y)) == self.expected


class Resume(Fit):
    """Resume a fit from its second epoch."""

    def __init__(self, folder):
        super().__init__(folder)
        path = self.path

        class Copy:
            def setup(self, estimator, context): ...
            def teardown(self, estimator, context): ...
            def on_fit_task_begin(self, estimator, context): ...

            def on_fit_task_end(self, estimator, context):
                files.append(path.read_bytes())

        files = []
        model = classifier(max_iter=3)
        model.set_callbacks(Checkpoint(self.path), Copy()).fit(X, Y)
        self.kept = files[1]

    def prepare(self):
        super().prepare()
        self.path.write_bytes(self.kept)


class FitAlone(Fit):
    """Fit without a file, larger images in several threads; only memory can lack."""

    in_new_thread = True

    def __init__(self, folder):
        Operation.__init__(self, folder)
        self.fitted = clone(LARGE).set_params(random_state=1).fit(IMAGES, Y)
        self.fitted.set_params(random_state=0)
        self.expected = outcome(clone(LARGE).fit(IMAGES, Y))

    def set_callbacks(self, model):
        model.set_callbacks()

    def run(self):
        self.model.fit(IMAGES, Y)

    def check_failure(self, error):
        """There is no file to resume from."""


class PartialFit(Fit):
    """Call `partial_fit` a second time, with a checkpoint."""

    def __init__(self, folder):
        super().__init__(folder)
        self.fitted = classifier(solver="sgd")
        self.expected = outcome(self.twice())

    def twice(self):
        model = clone(self.fitted).partial_fit(X[:12], Y[:12], [0, 1])
        return model.partial_fit(X[12:], Y[12:])

    def prepare(self):
        super().prepare()
        self.model.partial_fit(X[:12], Y[:12], [0, 1])

    def run(self):
        self.model.partial_fit(X[12:], Y[12:])

    def check_failure(self, error):
        again, checkpoint = clone(self.fitted), Checkpoint(self.path)
        n = checkpoint.restore(again)
        assert n in (1, 2)
        if n == 1:
            again.set_callbacks(checkpoint).partial_fit(X[12:], Y[12:])
        assert outcome(again) == self.expected


class Log(Fit):
    """Fit with a logger, which may fail: the fit must not."""

    name = "log.jsonl"

    def set_callbacks(self, model):
        model.set_callbacks(JSONLogger(self.path))

    def check_failure(self, error):
        assert is_lack_of_memory(error), "a log ended a fit"


class Search(Fit):
    """Search, with the checkpoints of all fits in a folder."""

    name = ""

    def __init__(self, folder):
        super().__init__(folder)
        self.path = folder
        self.expected = self.scores(self.search().fit(X, Y))

    def search(self):
        grid, model = {"alpha": [0.0, 0.1]}, classifier(max_iter=1)
        self.set_callbacks(model)
        return GridSearchCV(model, grid, cv=2, error_score="raise")

    def scores(self, search):
        best = search.best_estimator_
        return search.cv_results_["mean_test_score"].tolist(), outcome(best)

    def prepare(self):
        for path in self.folder.iterdir():
            path.unlink()
        self.model = self.search()

    def state(self):
        return state_of(self.model.estimator)

    def check_success(self):
        assert self.scores(self.model) == self.expected

    def check_failure(self, error):
        assert self.scores(self.search().fit(X, Y)) == self.expected

    def is_own(self, path):
        return path.suffix == ".ckpt"


class Predict(Operation):
    """Predict; only memory can lack."""

    in_new_thread = True

    def __init__(self, folder):
        super().__init__(folder)
        self.model = clone(LARGE).fit(IMAGES, Y)
        self.expected = self.model.predict_proba(IMAGES).tobytes()

    def run(self):
        self.predicted = self.model.predict_proba(IMAGES)

    def check_success(self):
        assert self.predicted.tobytes() == self.expected


OPERATIONS = {
    "save": Save,
    "save a new file": SaveNew,
    "describe": Describe,
    "load": Load,
    "explain": Explain,
    "restore": Restore,
    "fit with a checkpoint": Fit,
    "resume": Resume,
    "partial_fit with a checkpoint": PartialFit,
    "search with checkpoints": Search,
    "fit with a log": Log,
    "fit": FitAlone,
    "predict": Predict,
}
