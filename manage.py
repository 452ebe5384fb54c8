#!/usr/bin/env python
"""The command line of a growth instance."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import OperationalError

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "growth.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(str(error))
    except OperationalError as error:
        reason = str(error).splitlines()[0]
        sys.exit(
            f"The database does not answer; is `make up` running, or DATABASE_URL right? {reason}"
        )
