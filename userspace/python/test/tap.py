# SPDX-License-Identifier: GPL-2.0
"""Run the tests in a folder and say how each went, in TAP: tap.py FOLDER [PATTERN]"""
import faulthandler
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
# A test that hangs says where, and ends everything.
LONG = 120 * int(os.environ.get("SLOW", 1))


class Tap(unittest.TestResult):
    """A line for each test; one of several subtests that failed is the test's."""

    def __init__(self):
        super().__init__()
        self.failed = False

    def startTest(self, test):
        super().startTest(test)
        self.failed = False
        faulthandler.dump_traceback_later(LONG, exit=True)

    def stopTest(self, test):
        faulthandler.cancel_dump_traceback_later()
        name = test.id().replace(".test_", " ").replace("test_", "", 1).replace("_", " ")
        print(f"{'not ok' if self.failed else 'ok'} {self.testsRun} {name}", flush=True)
        super().stopTest(test)

    def _fail(self, text):
        self.failed = True
        print("# " + text.rstrip().replace("\n", "\n# "), flush=True)

    def addError(self, test, err):
        super().addError(test, err)
        self._fail(self.errors[-1][1])

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._fail(self.failures[-1][1])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._fail(f"{subtest}\n{self._exc_info_to_string(err, subtest)}")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._fail(f"skipped: {reason}")


def main(folder, pattern="test"):
    sys.path[:0] = [os.path.dirname(HERE), HERE]
    loader = unittest.TestLoader()
    suite = loader.discover(folder, "test_*.py", folder)
    tests = [t for t in flat(suite) if pattern in t.id()]
    print(f"TAP version 13\n1..{len(tests)}", flush=True)
    result = Tap()
    unittest.TestSuite(tests).run(result)
    return 0 if tests and result.wasSuccessful() else 1


def flat(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flat(test)
        else:
            yield test


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
