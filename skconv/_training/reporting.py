"""A line an epoch."""

import math

__all__ = ["print_epoch"]

# What is shown of an `Epoch`, how, and from which level of `verbose` on.
_COLUMNS = [
    ("number", "Epoch {:4d}", 1),
    ("loss", "loss {:.6f}", 1),
    ("validation_loss", "validation loss {:.6f}", 1),
    ("validation_score", "validation score {:7.4f}", 1),
    ("learning_rate", "learning rate {:<9.3g}", 2),
    ("seconds", "{:7.2f} s", 1),
    ("images_per_second", "{:9,.0f} images/s", 1),
]


def print_epoch(epoch, verbose=1):
    """Print what an epoch came to; `verbose` above 1 adds the learning rate."""
    values = [(getattr(epoch, name), form, level) for name, form, level in _COLUMNS]
    print(
        *(
            form.format(value)
            for value, form, level in values
            if verbose >= level and not math.isnan(value)
        ),
        sep="  ",
    )
