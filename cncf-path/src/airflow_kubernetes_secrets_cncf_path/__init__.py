"""The backend under the class path that Airflow's documentation gives, where Apache's provider has no such class.

Importing this package, which its ``.pth`` file does whenever an interpreter starts, puts a finder at the end of
``sys.meta_path``. The finder makes one module,
``airflow.providers.cncf.kubernetes.secrets.kubernetes_secrets_backend``, and those of its parent packages that nobody
else provides; the module holds ``airflow_kubernetes_secrets.KubernetesSecretsBackend`` itself, not a subclass. Every
other finder goes first, also one that was added later, so Apache's own module wins wherever it can be found. No file
of this distribution lies under ``airflow/``.

The parents are empty packages, without a file and without a search path. They are made only while the module or its
package ``secrets`` is being imported: code that asks whether Apache's provider is there by importing or finding
``airflow.providers.cncf.kubernetes`` alone is told the truth, until a process has imported the documented path; from
then on these packages are in ``sys.modules``. Everything else below them is missing as before, so code that imports
what it needs (``….operators.pod``) is never misled. ``airflow.providers`` is never made: Airflow depends on providers
that bring it.

Every interpreter of the environment loads this module, and where no bytecode can be written compiles it each time. So
it imports only ``sys``, and everything beyond the test of a name is in ``fallback``.
"""

import sys

TYPE_CHECKING = False  # type checkers take it for true; the one of typing would cost an import
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType


class FallbackFinder:
    """Answers for the documented module and its parents where no other finder does."""

    def find_spec(
        self, fullname: str, path: "Sequence[str] | None" = None, target: "ModuleType | None" = None
    ) -> "ModuleSpec | None":
        """Follow the protocol of ``sys.meta_path``."""
        if not fullname.startswith("airflow.providers.cncf"):
            return None
        from airflow_kubernetes_secrets_cncf_path import fallback

        return fallback.find_spec(self, fullname, path, target)


# Not by isinstance: a module that was reloaded, or dropped from sys.modules and imported again, has a new class.
if not any(type(finder).__module__ == __name__ for finder in sys.meta_path):
    sys.meta_path.append(FallbackFinder())
