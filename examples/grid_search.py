"""
Search over kernel size and stride
==================================

The parameters of layers are parameters of the estimator, so ``GridSearchCV`` can search
kernel sizes and strides, here in two processes. Larger kernels see more of a digit.
With a stride of 2 a layer computes a quarter of the outputs, which costs some accuracy.

Each candidate gets 20 epochs. After three or four, the network that learns fastest
would win, not the best.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split

from skconv import ConvNetClassifier
from skconv.layers import Conv2D, Dense, MaxPool2D

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
    max_iter=20,
    batch_size=32,
    learning_rate_init=0.003,
    random_state=0,
)
grid = {"conv1__kernel_size": [1, 3, 5], "conv1__stride": [1, 2]}
search = GridSearchCV(clf, grid, cv=3, n_jobs=2).fit(X_train, y_train)

print("best:", search.best_params_)
print(f"accuracy on images it never saw: {search.score(X_test, y_test):.4f}")

# %%
# All six scores. A kernel of one pixel sees no shapes, and is the only one that suffers
# much from a stride that skips three pixels of four.

scores = 100 * search.cv_results_["mean_test_score"].reshape(3, 2)

figure, ax = plt.subplots(figsize=(4.6, 5.2), layout="constrained")
picture = ax.imshow(scores, cmap="viridis")
for row in range(3):
    for column in range(2):
        value = scores[row, column]
        ax.text(
            column,
            row,
            f"{value:.1f} %",
            ha="center",
            va="center",
            fontsize=14,
            color="white" if picture.norm(value) < 0.6 else "black",
        )
ax.set_xticks([0, 1], ["stride 1", "stride 2"])
ax.set_yticks([0, 1, 2], ["1 x 1", "3 x 3", "5 x 5"])
ax.set_ylabel("kernel size")
ax.set_title("Accuracy, mean of 3 folds")
plt.show()
