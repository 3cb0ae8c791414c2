"""Run each mutant against the tests that reach it, in forks of one warm process.

A plugin of pytest, in place of its loop over tests. First each test runs once, without a
fault: how long it takes, and which places it reaches. Then a fork runs, for one mutant
after the other, the tests that reach it until one fails: first those that noticed a mutant
of the same place before, then the shortest. After some mutants the tests that failed run
again without a fault: if one still fails, the fork is spoiled, and these mutants are tried
again, one by one.
"""

import gc
import json
import os
import resource
import select
import signal
import sys
import time
from collections import defaultdict
from pathlib import Path

import pytest

# What a copy of the package needs, and how its tests run.
COPIED = "skconv", "tests", "pyproject.toml", "conftest.py"
PYTEST = [
    *("-q", "-p", "no:cacheprovider", "--rootdir=.", "--tb=native", "--assert=plain"),
    *("-o", "addopts=", "--capture=sys", "--doctest-modules"),
    "--ignore=tests/estimators/test_scaling.py",  # dask's threads do not live in a fork
]

FORK = 200  # mutants for one fork
SURE = 20  # mutants, after which the tests that failed must pass
MEMORY = 4 << 30  # bytes that it may take
SILENCE = 120  # seconds without a word from it: it hangs


class Runner:
    """Run mutants.

    Parameters
    ----------
    switch : object
        ``place_of(mutant)``, ``group_of(mutant)`` of places with the same killers,
        ``module_of(mutant)``, a word that may be in the names of its tests,
        ``activate(mutant or None)``, and the context manager ``reached()``, whose value is
        the set of the places that ran within it.
    mutants : list of str
    results : Path
        A JSON file, which is read if it is there: mutants that were killed are not run
        again, and tests not measured again.
    seconds : float
        How long the tests of one mutant may take in all, without a fault, on a processor
        (which others may use, too).
    few : int, optional
        How many tests of a function to take, which differ in parameters only.
    """

    def __init__(self, switch, mutants, results, seconds, few=None):
        self.switch, self.mutants, self.seconds = switch, mutants, seconds
        self.few, self.suspects = few, set()
        self.path = Path(results)
        self.measured = self.path.with_suffix(".tests.json")
        self.results = json.loads(self.path.read_text()) if self.path.exists() else {}
        self.durations, self.breadth, self.tests = {}, {}, defaultdict(set)
        self.killers = defaultdict(list)  # of a place, the last one first

    def pytest_runtestloop(self, session):
        """Take the place of pytest's loop."""
        if session.testsfailed:
            raise session.Interrupted("not all tests were collected")
        manager = session.config.pluginmanager
        manager.unregister(name="terminalreporter")
        self.hook, self.after = session.config.hook, _Session(session)
        # Copies of a function, with a fault each, have its doctest, too.
        items = [item for item in session.items if "__mutmut_" not in item.nodeid]
        items = {item.nodeid: item for item in spread(items, self.few)}
        self.measure(list(items.values()))
        self.make_fixtures(items.values())
        left = [mutant for mutant in self.mutants if not self.is_noticed(mutant)]
        rank = {}  # of a place, in the order in which they are given
        for mutant in left:
            rank.setdefault(self.switch.place_of(mutant), len(rank))
        left.sort(key=lambda mutant: rank[self.switch.place_of(mutant)])
        start, total, done = time.monotonic(), len(left), set()
        gc.collect()
        gc.freeze()  # or each fork would copy what its garbage collector touches
        while left:
            for i, (mutant, verdict) in enumerate(self.fork(left[:FORK], items)):
                self.results[mutant] = verdict
                done.add(mutant)
                if i % 20 == 0:
                    self.save()
            self.save()
            left = [mutant for mutant in left if mutant not in done]
            spent = time.monotonic() - start
            print(f"{total - len(left)} of {total}, {spent:.0f} s", flush=True)
        return True

    def is_noticed(self, mutant):
        """Return whether an earlier run killed a mutant: if not, a new test may do it."""
        return self.results.get(mutant, ["not run"])[0] in ("killed", "timeout")

    def save(self):
        self.path.write_text(json.dumps(self.results, indent=0))

    def pytest_runtest_logreport(self, report):
        """Note the phases of a test."""
        self.reports.append(report)

    def run_test(self, item, following=None):
        """Run a test as pytest does, with its warnings as errors; return its reports."""
        self.reports = []
        self.hook.pytest_runtest_protocol(item=item, nextitem=following or self.after)
        return self.reports

    def make_fixtures(self, items):
        """Make the fixtures of the session without a fault: all forks share them."""
        made = set()
        for item in items:
            found = item._fixtureinfo.name2fixturedefs.items()
            names = {name for name, each in found if each[-1].scope == "session"}
            if item.nodeid in self.durations and names - made:
                self.run_test(item)
                made |= names

    def measure(self, items):
        """Run each test once, if it is new, and note what it reaches."""
        known = {}
        if self.measured.exists():
            known = json.loads(self.measured.read_text())
        known |= self.measure_again(
            [item for item in items if item.nodeid not in known]
        )
        self.measured.write_text(json.dumps(known, indent=0))
        for item in items:
            seconds, places = known[item.nodeid]
            if seconds is not None:
                self.durations[item.nodeid] = seconds
                self.breadth[item.nodeid] = len(places)
                for place in places:
                    self.tests[place].add(item.nodeid)

    def measure_again(self, items):
        """Return test -> (seconds, the places that it reaches).

        Tests that fail without a fault, or do not run, have no seconds.
        """
        failed, known = [], {}
        for item, following in zip(items, [*items[1:], None], strict=False):
            start = time.process_time()
            with self.switch.reached() as reached:
                reports = self.run_test(item, following)
            seconds = time.process_time() - start
            if any(report.failed for report in reports):
                failed.append(item.nodeid)
                seconds = None
            elif not any(report.when == "call" and report.passed for report in reports):
                seconds = None
            known[item.nodeid] = seconds, sorted(reached)
        total = sum(seconds or 0 for seconds, _ in known.values())
        print(f"{len(known)} tests measured, {total:.0f} s", flush=True)
        if failed:
            print(f"{len(failed)} fail without a fault:", *failed[:5], sep="\n  ")
        return known

    def fork(self, mutants, items):
        """Yield mutants with their verdicts, until the fork ends."""
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.close(reading)
            self.run(mutants, items, writing)
        os.close(writing)
        mutant, test, found = None, None, []
        with os.fdopen(reading, buffering=1) as pipe:
            for line in _lines(pipe, child):
                kind, *values = json.loads(line)
                if kind == "mutant":
                    mutant, test = values[0], None
                elif kind == "test":
                    test = values[0]
                elif kind == "verdict":
                    self.note(mutant, values)
                    found.append((mutant, values))
                    mutant = None
                else:
                    if kind == "sure":
                        yield from found
                    else:
                        self.suspects.update(each for each, _ in found)
                    found.clear()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if mutant is not None:  # the fork ended before its verdict
            slow = status in (-signal.SIGPROF, -signal.SIGKILL)
            values = ["timeout" if slow else "killed", test]
            self.note(mutant, values)
            yield mutant, values

    def note(self, mutant, values):
        """Remember which test noticed a mutant: it may notice its neighbours."""
        status, test = values
        if status in ("killed", "timeout"):
            killers = self.killers[self.switch.group_of(mutant)]
            killers[:] = [test, *(other for other in killers if other != test)]

    def run(self, mutants, items, writing):
        """Run mutants in a fork, which ends with this."""

        def report(*values):
            os.write(writing, f"{json.dumps(values)}\n".encode())

        try:
            resource.setrlimit(resource.RLIMIT_AS, (_address_space() + MEMORY,) * 2)
            failed, unsure = set(), 0
            for i, mutant in enumerate(mutants):
                report("mutant", mutant)
                verdict = self.verdict(mutant, items, report)
                self.note(mutant, verdict)
                report("verdict", *verdict)
                if verdict[0] == "killed":
                    failed.add(verdict[1])
                unsure += 1
                if mutant in self.suspects or unsure == SURE or i + 1 == len(mutants):
                    # Without a fault they pass: what other faults did is not the reason.
                    spoiled = not all(self.passes(items[test]) for test in failed)
                    report("spoiled" if spoiled and i else "sure")
                    if spoiled:
                        break
                    failed, unsure = set(), 0
        finally:
            os._exit(0)

    def verdict(self, mutant, items, report):
        """Return "killed" and the test, "survived", or "not reached"."""
        spent = 0.0
        tests = self.in_order(mutant)
        for test in tests:
            spent += self.durations[test]
            if spent > self.seconds and test is not tests[0]:
                return ["survived", "not all tests"]
            report("test", test)
            self.switch.activate(mutant)
            passed = self.passes(items[test])
            self.switch.activate(None)
            if not passed:
                return ["killed", test]
        return ["survived" if tests else "not reached", None]

    def passes(self, item):
        """Run a test; an endless loop ends the fork."""
        limit = 1 + 5 * self.durations[item.nodeid]
        signal.setitimer(signal.ITIMER_PROF, limit)
        reports = self.run_test(item)
        signal.setitimer(signal.ITIMER_PROF, 0)
        return not any(report.failed for report in reports)

    def in_order(self, mutant):
        """Return the tests that reach a mutant, those first that may notice it soon.

        Those that noticed its neighbours come first, then those of a file with the name of
        its module. Of the others those that are quick and reach little else; each function
        has its turn before one runs with other parameters, as they differ less.
        """
        tests = self.tests[self.switch.place_of(mutant)]
        known = self.killers[self.switch.group_of(mutant)]
        known = [test for test in known if test in tests][:5]
        others = sorted(
            tests.difference(known), key=lambda test: (self.cost(test), test)
        )
        module, seen, key = self.switch.module_of(mutant), defaultdict(int), {}
        for test in others:
            function = test.partition("[")[0]
            key[test] = module not in function.partition("::")[0], seen[function]
            seen[function] += 1
        return [*known, *sorted(others, key=key.get)]

    def cost(self, test):
        return (0.005 + self.durations[test]) * self.breadth[test]


def run_tests(tests, plugin):
    """Run pytest with a plugin that is, or has, a `Runner`."""
    if pytest.main([*PYTEST, *tests], plugins=[plugin]) == pytest.ExitCode.INTERRUPTED:
        sys.exit("some tests cannot be imported, and would have noticed mutants")


class _Session:
    """What follows a test: it needs what belongs to the session, and nothing else."""

    def __init__(self, session):
        self.session = session

    def listchain(self):
        return [self.session]


def spread(items, few):
    """Return `few` tests of each function, evenly drawn from those it has parameters for."""
    functions = defaultdict(list)
    for item in items:
        functions[item.nodeid.partition("[")[0]].append(item)
    for each in functions.values():
        n = min(few or len(each), len(each))
        yield from (each[i * len(each) // n] for i in range(n))


def _address_space():
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()


def _lines(pipe, child):
    """Yield the lines of a pipe; its fork is ended if there is none for long."""
    text = ""
    while True:
        if not select.select([pipe], [], [], SILENCE)[0]:
            os.kill(child, signal.SIGKILL)
        new = os.read(pipe.fileno(), 1 << 16).decode()
        if not new:
            return
        *lines, text = (text + new).split("\n")
        yield from lines
