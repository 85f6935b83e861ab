"""Every Secret of an operator."""

from __future__ import annotations

from operator_secrets.of_cloudnative_pg import CLOUDNATIVE_PG
from operator_secrets.of_clouds import AWS, CROSSPLANE
from operator_secrets.of_others import OTHERS
from operator_secrets.of_service_bindings import SERVICE_BINDING

SHAPES = [*CLOUDNATIVE_PG, *CROSSPLANE, *AWS, *SERVICE_BINDING, *OTHERS]
