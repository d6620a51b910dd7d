"""What the race compares: the package's methods and the peers a user could pick instead."""

from benchmarks.contenders.contender import Contender as Contender
from benchmarks.contenders.contender import ContenderUnavailableError as ContenderUnavailableError
from benchmarks.contenders.contender import Result as Result
from benchmarks.contenders.entries import ENTRIES as ENTRIES
from benchmarks.contenders.entries import Entry as Entry
