"""Public conformance suites: what you wrote yourself passes the house tests.

Derive a test class, say how to make the thing, and let pytest collect the inherited tests::

    from mstoolkit.testing import RotationSuite

    class TestMine(RotationSuite):
        def make(self, servers):
            return MyRotation(servers)

`Rehearsal` drives a dispatcher with answers of your own, and checks the sender's promises at each
step. Nothing here needs pytest to be imported; `examine` tries a suite without it.
"""

from mstoolkit.testing.checks import BrokenPromiseError
from mstoolkit.testing.laws import Law, examine
from mstoolkit.testing.meter import MeterSuite
from mstoolkit.testing.provider import ProviderSuite
from mstoolkit.testing.rehearsal import OK, Rehearsal, accepting, partly
from mstoolkit.testing.rotation import Contender, RotationSuite, contenders, sequence
from mstoolkit.testing.rule import RuleSuite
from mstoolkit.testing.scenario import small_scenario
from mstoolkit.testing.weigher import PlainPath, WeigherSuite

__all__ = [
    "OK",
    "BrokenPromiseError",
    "Contender",
    "Law",
    "MeterSuite",
    "PlainPath",
    "ProviderSuite",
    "Rehearsal",
    "RotationSuite",
    "RuleSuite",
    "WeigherSuite",
    "accepting",
    "contenders",
    "examine",
    "partly",
    "sequence",
    "small_scenario",
]
