"""What there is in Secrets, how one lookup goes, and what is wrong: all that a person is shown, and never a value.

The command line shows it, and so can a page. The backend never imports it.
"""
