"""What people see: a list of Secrets, the explanation of a lookup, and problems. It never contains a secret value.

The command line and the page in Airflow's UI render it. The backend never imports this package.
"""
