"""Packaged data sets and their loaders; SOURCES.md beside the files says where they come from."""

from bnode_nlme.datasets.indomethacin import indomethacin as indomethacin
from bnode_nlme.datasets.theophylline import theophylline as theophylline
from bnode_nlme.datasets.warfarin_pk import warfarin_pk as warfarin_pk
from bnode_nlme.datasets.warfarin_pkpd import warfarin_pkpd as warfarin_pkpd
