"""Grid search over filter size and stride, in two processes."""

from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split

from skconv import ConvNetClassifier
from skconv.layers import Conv2D, Dense, MaxPool2D


def main():
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(
        X / 16, y, stratify=y, random_state=0
    )
    clf = ConvNetClassifier(
        [
            ("conv1", Conv2D(16, 3, activation="relu")),
            ("pool1", MaxPool2D(2)),
            ("dense", Dense(64, "relu")),
        ],
        max_iter=10,
        batch_size=32,
        learning_rate_init=0.003,
        random_state=0,
    )
    grid = {"conv1__kernel_size": [1, 3, 5], "conv1__stride": [1, 2]}
    search = GridSearchCV(clf, grid, cv=3, n_jobs=2).fit(X_train, y_train)

    print("mean accuracy of 3 folds")
    print("kernel_size  stride 1  stride 2")
    scores = search.cv_results_["mean_test_score"].reshape(3, 2)
    for size, row in zip(grid["conv1__kernel_size"], scores, strict=True):
        print(f"{size:11d}", *(f"{score:9.4f}" for score in row))
    print("best:", search.best_params_)
    print(f"accuracy on images it never saw: {search.score(X_test, y_test):.4f}")


if __name__ == "__main__":
    main()
