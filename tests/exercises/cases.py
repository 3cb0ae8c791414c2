"""The cases of the exercises and their common mistakes, as text.

    python tests/exercises/cases.py

writes the stored ones again, `cases.txt`: what each function is called with, and what
each mistake makes of the first case and of the last.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from skconv.exercises.tables import EXERCISES

STORED = Path(__file__).with_name("cases.txt")


def text_of(value):
    """Return a number; or of an array the shape, the mean and a sum that knows places."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {text_of(each)}" for key, each in value.items())
    if isinstance(value, list) and len(value) > 2:
        return f"{len(value)} of {text_of(value[0])} to {text_of(value[-1])}"
    array = np.asarray(value)
    if array.dtype.kind not in "biuf" or not array.ndim or array.size < 5:
        return (
            str(value)
            if array.dtype.kind != "f"
            else str((array.round(5) + 0.0).tolist())
        )
    place = array.ravel() @ np.cos(np.arange(array.size)) + 0.0
    # A little more, so that no machine rounds the other way.
    numbers = (f"{each * (1 + 1e-7) + 1e-9:.4g}" for each in (array.mean(), place))
    return f"{array.dtype} {array.shape} {' '.join(numbers)}"


def lines_of(exercise):
    """Yield the lines of an exercise."""
    cases = exercise.cases()
    for case in cases:
        yield f"  {case.words}; {case.sizes}; judged {case.judge is not None}"
        yield from (f"    {name}: {text_of(v)}" for name, v in case.arguments.items())
    chosen = cases[0], *cases[1:][-1:]
    if exercise.name == "train":  # with a digit in each batch, as it is slow
        few = [rows[:1] for rows in cases[0].arguments["batches"]]
        chosen = (replace(cases[0], arguments={**cases[0].arguments, "batches": few}),)
    for fault in exercise.faults:
        yield f"  {fault.hint}"
        for case in chosen:
            with np.errstate(all="ignore"):
                made = exercise.outputs(fault.function, case)
            yield from (f"    {name}: {text_of(v)}" for name, v in made.items())


def plan(name):
    """Return the text of an exercise."""
    exercise = EXERCISES[name]
    head = f"{name}: {exercise.summary}; {exercise.returns}, {exercise.uses}"
    return "\n".join([head, *lines_of(exercise)])


def stored():
    """Return {name of an exercise: its text}."""
    texts = STORED.read_text(encoding="utf-8").strip().split("\n\n")
    return {text.partition(":")[0]: text for text in texts}


if __name__ == "__main__":
    STORED.write_text("\n\n".join(map(plan, EXERCISES)) + "\n", encoding="utf-8")
