"""Provide the backend under the class path in Airflow's documentation, if Apache's provider has no such class.

The ``.pth`` file of this package imports it whenever an interpreter starts. The import adds a finder to the end of
``sys.meta_path``. The finder creates one module,
``airflow.providers.cncf.kubernetes.secrets.kubernetes_secrets_backend``, and those of its parent packages that do not
exist. The module contains ``airflow_kubernetes_secrets.KubernetesSecretsBackend`` itself, not a subclass. Every other
finder is tried first, even one that was added later, so Apache's own module is used wherever it can be found. This
distribution has no file under ``airflow/``.

The parents are empty packages, without a file and without a search path. They are created only while the module or its
package ``secrets`` is being imported. So code that checks for Apache's provider by importing or finding only
``airflow.providers.cncf.kubernetes`` gets the right result, until the process has imported the documented path. From
then on, these packages are in ``sys.modules``. Everything else below them is still missing, so code that imports what
it needs (``….operators.pod``) is never misled. ``airflow.providers`` is never created, because Airflow depends on
providers that contain it.

Every interpreter of the environment loads this module, and compiles it each time if no bytecode can be written. So it
imports only ``sys``, and everything beyond the comparison of a name is in ``fallback``.
"""

import sys

TYPE_CHECKING = False  # type checkers assume that it is true; importing typing would cost time
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType


class FallbackFinder:
    """Find the documented module and its parents if no other finder does."""

    def find_spec(
        self, fullname: str, path: "Sequence[str] | None" = None, target: "ModuleType | None" = None
    ) -> "ModuleSpec | None":
        """Return the spec of a module, by the protocol of ``sys.meta_path``."""
        if not fullname.startswith("airflow.providers.cncf"):
            return None
        from airflow_kubernetes_secrets_cncf_path import fallback

        return fallback.find_spec(self, fullname, path, target)


# This does not use isinstance: if the module was reloaded, or removed from sys.modules and imported again, the class is
# a new one.
if not any(type(finder).__module__ == __name__ for finder in sys.meta_path):
    sys.meta_path.append(FallbackFinder())
