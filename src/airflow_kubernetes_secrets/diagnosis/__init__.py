"""Why a lookup has its result (``explain``), and what is wrong with a deployment (``doctor``)."""
