"""What was measured: tables in, a frozen `Study` out."""

from bnode_nlme.study.errors import Problem as Problem
from bnode_nlme.study.errors import TableError as TableError
from bnode_nlme.study.occasions import Occasions as Occasions
from bnode_nlme.study.read_nonmem import read_nonmem as read_nonmem
from bnode_nlme.study.records import Records as Records
from bnode_nlme.study.regimen import Regimen as Regimen
from bnode_nlme.study.study import Study as Study
