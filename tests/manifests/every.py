"""Every case."""

from __future__ import annotations

from manifests.case import Case
from manifests.of_contents import OF_CONTENTS
from manifests.of_external_secrets import OF_EXTERNAL_SECRETS
from manifests.of_other_tools import OF_OTHER_TOOLS
from manifests.of_secrets import OF_SECRETS

CASES: dict[str, Case] = {**OF_SECRETS, **OF_CONTENTS, **OF_EXTERNAL_SECRETS, **OF_OTHER_TOOLS}
