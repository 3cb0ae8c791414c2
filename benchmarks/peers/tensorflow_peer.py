"""TensorFlow: a Keras model, its step and its prediction each in one tf.function."""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import tensorflow as tf
from nets import NETS
from protocol import (
    LEARNING_RATE,
    PREDICT_BATCH,
    accuracy,
    one_after_another,
    random_batch,
    read_data,
    serve,
)


def start(task, net):
    tf.config.threading.set_intra_op_parallelism_threads(task.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input(net.image), *layers(net)])
    return {"what": f"TensorFlow {tf.__version__}, Keras {keras.__version__}"}, model


def steps(task):
    net = NETS[task.net]
    description, model = start(task, net)
    optimizer = keras.optimizers.Adam(LEARNING_RATE)
    optimizer.build(model.trainable_variables)
    x, codes = map(tf.constant, random_batch(net))

    @tf.function
    def train(x, codes):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(
                    codes, model(x, training=True)
                )
            )
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        return loss

    infer = tf.function(model)
    return description, {
        "train": lambda: train(x, codes),
        "predict": lambda: infer(x),
    }


def compiled(task):
    """Return a description and Keras's own way to train the mnist net."""
    description, model = start(task, NETS["mnist"])
    model.compile(
        keras.optimizers.Adam(LEARNING_RATE),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return description, model


def fit(task):
    X, X_test, y, y_test = read_data(task.data)
    X, X_test = X[..., None], X_test[..., None]
    description, model = compiled(task)

    def epoch():
        model.fit(X, y, batch_size=NETS["mnist"].batch, epochs=1, verbose=0)

    def score():
        outputs = model.predict(X_test, batch_size=PREDICT_BATCH, verbose=0)
        return accuracy(outputs.argmax(1), y_test)

    return description, {"epoch": epoch, "score": score}


def predict(task):
    _, X, _, y = read_data(task.data)
    X = X[..., None]
    description, model = compiled(task)
    infer = tf.function(model)
    tensors = one_after_another(tf.constant(X))
    images = one_after_another(X)

    def many():
        outputs = model.predict(X, batch_size=PREDICT_BATCH, verbose=0)
        return accuracy(outputs.argmax(1), y)

    return description, {
        "network": lambda: infer(next(tensors)),
        "estimator": lambda: model.predict(next(images), verbose=0),
        "many": many,
    }


def layers(net):
    makers = {
        "conv": lambda filters, size, padding: [
            keras.layers.Conv2D(filters, size, padding=padding, activation="relu")
        ],
        "pool": lambda: [keras.layers.MaxPooling2D(2)],
        "dense": lambda units: [
            keras.layers.Flatten(),
            keras.layers.Dense(units, "relu"),
        ],
    }
    for kind, *arguments in net.layers[:-1]:
        yield from makers[kind](*arguments)
    yield from (keras.layers.Flatten(), keras.layers.Dense(net.layers[-1][1]))


if __name__ == "__main__":
    serve({"steps": steps, "fit": fit, "predict": predict})
