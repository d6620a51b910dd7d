"""The command line: `bnode-nlme`."""

from bnode_nlme.cli.app import app as app
