"""The WSGI application that the web server runs."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "growth.settings")

application = get_wsgi_application()

# What is loaded by now stays: the collector need not look at it again. What requests make is freed
# by its reference counts, all but a few cycles, so it need not look often either.
gc.collect()
gc.freeze()
gc.set_threshold(50_000)
