"""In a pipeline: a scaler of flat rows, and a network that sees images in them."""

from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skconv import ConvNetClassifier


def main():
    X, y = load_digits(return_X_y=True)  # rows of 64 values, 0 to 16
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, stratify=y, random_state=0
    )

    # Rows of 64 values are taken for 8x8 images; input_shape says so when they are not
    # square, or have channels: input_shape=(4, 16), input_shape=(4, 4, 4).
    clf = ConvNetClassifier(filters=(16, 32), max_iter=5, batch_size=32, random_state=0)
    pipeline = make_pipeline(StandardScaler(), clf)
    scores = cross_val_score(pipeline, X_train, y_train, cv=3)
    print("accuracy of 3 folds:", *(f"{score:.4f}" for score in scores))

    grid = {
        "convnetclassifier__kernel_size": [3, 5],
        "convnetclassifier__hidden_layer_sizes": [(), (64,)],
    }
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=2).fit(X_train, y_train)
    print("best:", search.best_params_)
    print(f"accuracy on images it never saw: {search.score(X_test, y_test):.4f}")


if __name__ == "__main__":
    main()
