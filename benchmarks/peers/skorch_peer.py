"""skorch: torch as scikit-learn estimators."""

import numpy as np
import sklearn
import skorch
import torch
from nets import NETS
from protocol import LEARNING_RATE, PREDICT_BATCH, one_after_another, read_data, serve
from sklearn.model_selection import GridSearchCV
from skorch import NeuralNetClassifier
from torch import nn
from torch_peer import build


class ConvNet(nn.Module):
    """The net that `ConvNetClassifier` builds from these numbers, for 28 x 28."""

    def __init__(self, filters=(32, 64), kernel_size=3, hidden_layer_sizes=(128,)):
        super().__init__()
        chain, channels, units = [], 1, 28 // 2 ** len(filters)
        for n in filters:
            conv = nn.Conv2d(channels, n, kernel_size, padding="same")
            chain += [conv, nn.ReLU(), nn.MaxPool2d(2)]
            channels = n
        chain.append(nn.Flatten())
        units = channels * units**2
        for n in hidden_layer_sizes:
            chain += [nn.Linear(units, n), nn.ReLU()]
            units = n
        self.chain = nn.Sequential(*chain, nn.Linear(units, 10))

    def forward(self, x):
        return self.chain(x)


def estimator(module, **options):
    return NeuralNetClassifier(
        module,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        optimizer__fused=True,
        lr=LEARNING_RATE,
        batch_size=128,
        iterator_train__shuffle=True,
        iterator_valid__batch_size=PREDICT_BATCH,
        train_split=None,
        verbose=0,
        **options,
    )


def mnist(task):
    """Return a description and the initialised mnist net."""
    torch.set_num_threads(task.threads)
    torch.set_num_interop_threads(1)
    torch.manual_seed(0)
    net = NETS["mnist"]
    module = build(net.layers, net.shape)
    return describe(), estimator(module, max_epochs=1).initialize()


def describe():
    versions = f"skorch {skorch.__version__}, torch {torch.__version__}"
    return {"what": f"{versions}, scikit-learn {sklearn.__version__}"}


def fit(task):
    X, X_test, y, y_test = read_data(task.data)
    X, X_test = X[:, None], X_test[:, None]
    description, clf = mnist(task)
    clf.check_data(X, y)  # learns the classes, as fit would

    def epoch():
        clf.partial_fit(X, y)

    return description, {"epoch": epoch, "score": lambda: clf.score(X_test, y_test)}


def predict(task):
    _, X, _, y = read_data(task.data)
    X = X[:, None]
    description, clf = mnist(task)
    images = one_after_another(X)
    return description, {
        "estimator": lambda: clf.predict_proba(next(images)),
        "many": lambda: float(np.mean(clf.predict_proba(X).argmax(1) == y)),
    }


def search(task):
    X, _, y, _ = read_data(task.data)
    clf = estimator(
        ConvNet,
        max_epochs=task.epochs,
        module__hidden_layer_sizes=task.dense,
    )
    grid = {"module__filters": task.filters, "module__kernel_size": task.kernel_size}

    def run():
        found = GridSearchCV(clf, grid, cv=2, n_jobs=2).fit(X[:, None], y)
        return float(found.best_score_)

    return describe(), {"search": run}


if __name__ == "__main__":
    serve({"fit": fit, "predict": predict, "search": search})
