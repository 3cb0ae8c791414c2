"""Fixtures of the tests of checkpoints."""

import multiprocessing
import signal

import pytest
from checkpoint_fits import fit, fit_and_report, outcome


@pytest.fixture(scope="session")
def run():
    """Run a fit in a process of its own; return its outcome, or that it was killed."""
    context = multiprocessing.get_context("forkserver")
    # What takes long to import, and nothing that starts threads.
    imported = ["pytest", "skconv.callbacks", "sklearn.datasets", "sklearn.pipeline"]
    context.set_forkserver_preload([*imported, "sklearn.model_selection"])

    def run(name, path=None, moment=None, **options):
        here, there = context.Pipe(duplex=False)
        arguments = there, name, path, options, moment
        process = context.Process(target=fit_and_report, args=arguments)
        process.start()
        there.close()
        try:
            return here.recv()
        except EOFError:
            process.join()
            assert process.exitcode == -signal.SIGKILL
            return "killed"
        finally:
            process.join()

    return run


@pytest.fixture(scope="session")
def uninterrupted():
    """Outcomes of fits without a checkpoint, each computed once."""
    known = {}

    def outcome_of(name):
        if name not in known:
            known[name] = outcome(fit(name))
        return known[name]

    return outcome_of
