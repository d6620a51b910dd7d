"""What a network found, and whether it may be believed."""

from bnode_nlme.discovery.covariate_evidence import CovariateEvidence as CovariateEvidence
from bnode_nlme.discovery.covariate_evidence import CovariateFinding as CovariateFinding
from bnode_nlme.discovery.covariate_evidence import covariate_evidence as covariate_evidence
from bnode_nlme.discovery.discover_covariates import CovariateDiscovery as CovariateDiscovery
from bnode_nlme.discovery.discover_covariates import discover_covariates as discover_covariates
from bnode_nlme.discovery.effect_likelihood import EffectLikelihood as EffectLikelihood
from bnode_nlme.discovery.effect_likelihood import effect_likelihood as effect_likelihood
from bnode_nlme.discovery.network_share import network_share as network_share
from bnode_nlme.discovery.paired_difference import PairedDifference as PairedDifference
from bnode_nlme.discovery.paired_difference import paired_difference as paired_difference
from bnode_nlme.discovery.verdict import SubjectComparison as SubjectComparison
from bnode_nlme.discovery.verdict import Verdict as Verdict
from bnode_nlme.discovery.verdict import compare_subjects as compare_subjects
from bnode_nlme.discovery.verdict import verdict as verdict
