"""The estimators."""

import numpy as np
from sklearn.base import ClassifierMixin, _fit_context

from .base import BaseConvNet
from .labels import Labels, check_labels

__all__ = ["ConvNetClassifier"]


class ConvNetClassifier(ClassifierMixin, BaseConvNet):
    """Convolutional neural network classifier.

    `MLPClassifier`, but convolutional: it minimises the log-loss with Adam on
    minibatches. The network is a list of layers, or the default one described by
    numbers; the output layer, a `Dense` layer with a unit for each class (one for two
    classes), is added to either.

    Parameters
    ----------
    layers : list of layers or of (name, layer), default=None
        The hidden layers. Names reach into them: ``conv1__kernel_size``. Unnamed
        layers are called ``conv2d_1``, ``conv2d_2``, ``dense_1``, …; ``"passthrough"``
        in a layer's place leaves it out. None builds the default network from the
        next six parameters.

    input_shape : (h, w) or (h, w, c), default=None
        Shape of one image, for X of flat rows. By default rows are square images of
        one channel or, where their length is no square, signals ``(1, length, 1)``.

    filters : tuple of int, default=(32, 64)
        Default network: filters of each convolution.

    kernel_size : int or (kh, kw), default=3
        Default network: kernel size of every convolution.

    stride : int or (sh, sw), default=1
        Default network: stride of every convolution.

    pool_size : int or (ph, pw), default=2
        Default network: size of the max pooling behind every convolution; 1 for none.
        Where less of the image is left, the pool is what is left.

    hidden_layer_sizes : tuple of int, default=(128,)
        Default network: units of each dense layer.

    activation : str, default="relu"
        Default network: activation of every layer, a name in
        `skconv.ops.ACTIVATIONS`.

    alpha : float, default=0.0001
        Strength of the weight decay. Before each step, kernels shrink by
        ``learning_rate_init * alpha`` of themselves; biases do not.

    batch_size : int or "auto", default="auto"
        Size of the minibatches; "auto" is ``min(128, n_samples)``.

    learning_rate_init : float, default=0.001
        Step size of Adam.

    max_iter : int, default=200
        Most epochs to train.

    shuffle : bool, default=True
        Whether each epoch goes through the samples in a new order.

    random_state : int, RandomState instance or None, default=None
        Draws the first weights, the order of samples, dropout and the validation
        split. An int makes fits the same to the bit.

    tol : float, default=1e-4
        Least improvement of the loss, or with `early_stopping` of the score, that
        counts as one.

    verbose : bool, default=False
        Whether to print a line an epoch.

    warm_start : bool, default=False
        Whether `fit` goes on from the last fit: with its weights, Adam's moments and
        the random stream. X, the classes and the layers must be of the same kind.

    early_stopping : bool, default=False
        Whether to set aside `validation_fraction` of the training data (stratified,
        unless multilabel), stop when its accuracy improves no more, and restore the
        weights of the best epoch (with `warm_start`, of all calls). Otherwise training
        stops when the training loss improves no more.

    validation_fraction : float, default=0.1
        Share of the data to set aside if `early_stopping`.

    n_iter_no_change : int, default=10
        How many epochs in a row may fail to improve by `tol`.

    beta_1, beta_2 : float, default=0.9, 0.999
        How much Adam keeps of the mean gradient and of its square in each step.

    epsilon : float, default=1e-8
        Adam's guard against division by zero.

    dtype : {"float32", "float64"}, default="float32"
        What the network computes and answers in, whatever X is.

    Attributes
    ----------
    network_ : Network
        The trained layers and their weights.

    classes_ : ndarray of shape (n_classes,)
        Class labels; of a multilabel problem the columns' numbers.

    input_shape_ : (h, w, c)
        Shape of one image.

    n_features_in_ : int
        Values of one image, ``h * w * c``.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of X's columns, where X is a data frame with names of str.

    n_iter_ : int
        Epochs trained, all calls that went on from each other together.

    loss_curve_ : list of float, of length n_iter_
        Mean training loss of each epoch.

    loss_ : float
        The last of them; NaN where Ctrl-C came before the first.

    best_loss_ : float or None
        The least of them; None with `early_stopping`.

    validation_scores_ : list of float or None
        Accuracy on the data set aside after each epoch; None without
        `early_stopping`.

    best_validation_score_ : float or None
        The largest of them, whose weights were restored.

    t_ : int
        Number of training samples seen.

    n_layers_ : int
        Number of layers, the output layer included.

    n_outputs_ : int
        Number of outputs.

    out_activation_ : {"softmax", "logistic"}
        What turns outputs into probabilities.

    See Also
    --------
    sklearn.neural_network.MLPClassifier : The same without convolutions.

    Notes
    -----
    Sample weights are scaled to a mean of 1 in `fit`; samples of weight 0 are left
    out. `fit` never copies or converts X whole: minibatches are.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from skconv import ConvNetClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(
    ...     X / 16, y, stratify=y, random_state=0)
    >>> clf = ConvNetClassifier(max_iter=10, random_state=0).fit(X_train, y_train)
    >>> clf.score(X_test, y_test) > 0.97
    True
    """

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Train the network.

        If anything fails, an earlier fit stays as it was. Ctrl-C ends training and
        keeps what has been learnt.

        Parameters
        ----------
        X : array-like of shape (n, h, w, c), (n, h, w) or (n, n_features)
            Images of any numeric dtype, best scaled to about [0, 1]; a memory map is
            read batch by batch.
        y : array-like of shape (n,), or (n, n_labels) of 0 and 1
            Class labels of any type, or a multilabel indicator.
        sample_weight : array-like of shape (n,), default=None
            What each sample counts for.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X, y, a parameter or a layer does not fit, or the loss leaves the
            finite numbers; the message says which and what to try.
        """
        return self._fit(X, y, sample_weight, go_on=self.warm_start)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train for exactly one pass over X, going on from the last call.

        Weights, Adam's moments and the random stream go on from call to call, as if
        there had been one long fit. After a `fit` the weights go on and Adam starts
        anew, unless `warm_start` kept its moments. `random_state` is not read again.

        Parameters
        ----------
        X, y
            As in `fit`.
        classes : array-like of shape (n_classes,), default=None
            All classes there will be. Needed in the first call, unless `y` is a
            multilabel indicator.
        sample_weight : array-like of shape (n,), default=None
            What each sample counts for. Taken as they are, since their mean over
            later calls is not known.

        Returns
        -------
        self
        """
        if self.early_stopping:
            raise ValueError(
                "partial_fit does not support early_stopping=True: it makes one pass. "
                "Use fit, or early_stopping=False"
            )
        return self._fit(
            X, y, sample_weight, go_on=True, classes=classes, one_pass=True
        )

    def predict(self, X):
        """Predict labels.

        Parameters
        ----------
        X : array-like of shape (n, h, w, c), (n, h, w) or (n, n_features)

        Returns
        -------
        y : ndarray of shape (n,), or (n, n_labels) if multilabel
        """
        outputs, coding = self._outputs(X)
        return coding.decide(outputs)

    def decision_function(self, X):
        """Compute the outputs before they become probabilities (logits).

        Parameters
        ----------
        X : array-like of shape (n, h, w, c), (n, h, w) or (n, n_features)

        Returns
        -------
        scores : ndarray of shape (n, n_classes), or (n,) for two classes
            Of the network's dtype. For two classes, above 0 means ``classes_[1]``.
        """
        outputs, coding = self._outputs(X)
        binary = coding.n_outputs == 1 and not coding.multilabel
        return outputs[:, 0] if binary else outputs

    def predict_proba(self, X):
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n, h, w, c), (n, h, w) or (n, n_features)

        Returns
        -------
        probabilities : ndarray of shape (n, n_classes), of the network's dtype
            In the order of `classes_`; if multilabel, of each label by itself.
        """
        outputs, coding = self._outputs(X)
        return coding.probabilities(outputs)

    def predict_log_proba(self, X):
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n, h, w, c), (n, h, w) or (n, n_features)

        Returns
        -------
        log_probabilities : ndarray of shape (n, n_classes), of the network's dtype
        """
        outputs, coding = self._outputs(X)
        return coding.log_probabilities(outputs)

    def _encode(self, y, classes, go_on, one_pass):
        y = check_labels(y)
        if go_on and one_pass and classes is None:
            return self._coding.encode(y)  # a part of the data may lack some classes
        if one_pass and classes is None and y.ndim < 2:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        coding = Labels.learn(y, classes)
        if go_on and (
            coding.multilabel != self._coding.multilabel
            or not np.array_equal(coding.classes, self.classes_)
        ):
            raise ValueError(
                f"{'classes' if one_pass else 'y'} must have the same classes as in "
                f"the first fit to go on from it, {self.classes_}, got "
                f"{coding.classes}; use warm_start=False and fit to start anew"
            )
        self._coding = coding
        self.classes_ = coding.classes
        return coding.encode(y)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
