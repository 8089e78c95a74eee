"""Runs the suite and prints one JSON object a line for each of its tests:
test, outcome (pass, fail, skip), output, seconds. Needs BULKHEAD_URL,
BULKHEAD_SIM, BULKHEAD_KEY and BULKHEAD_STRICT_KEY; names of tests may be given as arguments."""

import json
import sys
import time
import traceback
import unittest
import warnings


class Lines(unittest.TestResult):
    def startTest(self, test):
        super().startTest(test)
        self.began, self.told = time.monotonic(), False

    def tell(self, test, outcome, output=""):
        self.told = True
        name = ".".join(test.id().split(".")[-2:])
        seconds = round(time.monotonic() - self.began, 3)
        print(json.dumps({"test": name, "outcome": outcome, "output": output, "seconds": seconds}), flush=True)

    def addSuccess(self, test):
        if not self.told:
            self.tell(test, "pass")

    def addSkip(self, test, reason):
        self.tell(test, "skip", reason)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.tell(test, "fail", "".join(traceback.format_exception(*err)))

    addError = addFailure

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.failures.append((subtest, ""))
            self.tell(subtest, "fail", f"{subtest.id()}\n" + "".join(traceback.format_exception(*err)))


def main():
    warnings.simplefilter("error", ResourceWarning)
    loader = unittest.TestLoader()
    names = sys.argv[1:]
    suite = loader.loadTestsFromNames(names) if names else loader.discover(".", "test_*.py")
    result = Lines()
    suite.run(result)
    sys.exit(0 if result.wasSuccessful() else 1)


main()
