"""The settings, all of them: read from the environment, loud on a bad value.

Without ``DATABASE_URL`` the instance in ``GROWTH_DATA_DIR`` (default ``var``) is used; see
``growth.embedded``.
"""

import logging
import os
import re
import warnings
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import environ
import structlog
from django.core.exceptions import ImproperlyConfigured

from growth import theme
from growth.embedded import instance as embedded

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()


def _version() -> str:
    """Return the newest version that the changelog names."""
    match = re.search(r"^## (\d+\.\d+\.\d+)", (BASE_DIR / "CHANGELOG.md").read_text(), re.MULTILINE)
    return match[1] if match else "0.0.0"


def _database(url: str) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # The sentence below says it better.
            database = environ.Env.db_url_config(url)
    except ValueError:
        database = {}
    if database.get("ENGINE") != "django.db.backends.postgresql":
        raise ImproperlyConfigured(
            "DATABASE_URL must name a PostgreSQL database, such as postgres://user@localhost/growth."
        )
    return database | {"ENGINE": "growth.database"}


def _rates(name: str) -> dict[str, int]:
    try:
        rates = env.dict(name, cast={"value": int}, default={})
    except ValueError:
        rates = {"": 0}
    if any(not domain or rate < 1 for domain, rate in rates.items()):
        raise ImproperlyConfigured(f"{name} must be such as gmail.com=600,*=6000.")
    return {domain.lower(): rate for domain, rate in rates.items()}


VERSION = _version()
DATA_DIR = Path(env("GROWTH_DATA_DIR", default=str(BASE_DIR / "var"))).absolute()
INSTANCE = embedded.read(DATA_DIR)

DEBUG = env.bool("GROWTH_DEBUG", default=False)
SECRET_KEY = env(
    "GROWTH_SECRET_KEY", default=INSTANCE.secret_key if INSTANCE else os.urandom(32).hex()
)
BASE_URL = env(
    "GROWTH_BASE_URL", default=INSTANCE.base_url if INSTANCE else "http://localhost:8000"
)
ALLOWED_HOSTS = env.list("GROWTH_ALLOWED_HOSTS", default=["*"])
CSRF_TRUSTED_ORIGINS = [BASE_URL]

# Behind TLS, GROWTH_HTTPS=true; a first look on a laptop has none.
HTTPS = env.bool("GROWTH_HTTPS", default=BASE_URL.startswith("https:"))
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds()) if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "corsheaders",
    "rest_framework",
    "django_filters",
    "django_structlog",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "growth",
    "contacts",
    "campaigns",
    "referrals",
    "waitlists",
    "surveys",
    "webhooks",
    "growth.analytics",
]
MIDDLEWARE = [
    "growth.metrics.MetricsMiddleware",
    "growth.api.errors.ErrorMiddleware",
    "growth.api.throttling.RateMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",  # Content-Length
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "growth.sessions.PageSessions",
    "django.middleware.csrf.CsrfViewMiddleware",
    "growth.sessions.PageVisitors",
    "growth.logs.LogMiddleware",
    "growth.sessions.PageMessages",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = env("GROWTH_URLCONF", default="growth.urls")  # benches add to it
WSGI_APPLICATION = "growth.wsgi.application"
APPEND_SLASH = False  # An API path never redirects: clients lose their bodies on the way.
AUTH_USER_MODEL = "growth.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# Web processes pool connections, one a thread; a worker process holds one for itself, because
# Celery closes a pool after each task.
DATABASE_POOL = env.int("GROWTH_DATABASE_POOL", default=0)
_POOL = {"pool": {"max_size": DATABASE_POOL, "timeout": 10}} if DATABASE_POOL else {}
_DATABASE = _database(
    env("DATABASE_URL", default=INSTANCE.database_url if INSTANCE else "postgres:///growth")
)
DATABASES = {
    "default": _DATABASE
    | {
        "CONN_MAX_AGE": 0 if DATABASE_POOL else 600,
        "CONN_HEALTH_CHECKS": not DATABASE_POOL,  # For the pool, growth.database looks.
        "DISABLE_SERVER_SIDE_CURSORS": True,  # PgBouncer in transaction mode has no session.
        "OPTIONS": _DATABASE.get("OPTIONS", {})
        | {
            "options": "-c statement_timeout=30s -c lock_timeout=10s -c timezone=UTC"
            " -c datestyle=ISO -c jit=off"
            " -c plan_cache_mode=force_generic_plan",  # To plan costs more than what we prepare.
            "prepare_threshold": 5 if env.bool("GROWTH_PREPARED_STATEMENTS", True) else None,
            **_POOL,
        },
    }
}

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
warnings.filterwarnings("ignore", message="No directory at")  # Finders serve without collectstatic.

EMAIL_URL = env("EMAIL_URL", default=INSTANCE.email_url if INSTANCE else "smtp://localhost:25")
_MAIL_SERVER = urlsplit(EMAIL_URL)  # For mail to staff; contacts get theirs by contacts.mail.
EMAIL_HOST, EMAIL_PORT = _MAIL_SERVER.hostname or "localhost", _MAIL_SERVER.port or 25
EMAIL_HOST_USER = unquote(_MAIL_SERVER.username or "")
EMAIL_HOST_PASSWORD = unquote(_MAIL_SERVER.password or "")
EMAIL_USE_TLS = _MAIL_SERVER.scheme == "smtp+tls"
EMAIL_USE_SSL = _MAIL_SERVER.scheme == "smtps"
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", default="growth@localhost.localdomain")
# What mail providers must prove: ANYMAIL_WEBHOOK_SECRET as user:password, and the keys of their
# signatures, such as ANYMAIL_MAILGUN_WEBHOOK_SIGNING_KEY.
ANYMAIL = {
    name.removeprefix("ANYMAIL_"): value
    for name, value in os.environ.items()
    if name.startswith("ANYMAIL_")
}
# Mails a minute: of each project that names none of its own, and to domains, such as
# GROWTH_MAIL_DOMAIN_RATES=gmail.com=600,*=6000. Empty means as fast as the server takes them.
MAIL_RATE = env.int("GROWTH_MAIL_RATE", default=0)
MAIL_DOMAIN_RATES = _rates("GROWTH_MAIL_DOMAIN_RATES")
MAILBOX_DIR = DATA_DIR / "mailbox"


def _networks(texts: list[str]) -> list[IPv4Network | IPv6Network]:
    try:
        return [ip_network(text.strip()) for text in texts]
    except ValueError as error:
        raise ImproperlyConfigured(
            f"WEBHOOK_ALLOW_NETS must list networks such as 10.1.0.0/16,fd00::/8: {error}."
        ) from None


# Internal networks that webhooks may reach; there plain http and any port are allowed too.
WEBHOOK_ALLOW_NETS = _networks(env.list("WEBHOOK_ALLOW_NETS", default=[]))

LOGIN_REDIRECT_URL = "/admin/"
UNFOLD = theme.UNFOLD

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]

# The largest body of a management call; ingest reads its own limit.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

REST_FRAMEWORK = {
    "DEFAULT_METADATA_CLASS": None,  # The OpenAPI file tells what OPTIONS would.
    "DEFAULT_AUTHENTICATION_CLASSES": ["growth.api.authentication.KeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["growth.api.permissions.HasScope"],
    "DEFAULT_THROTTLE_CLASSES": ["growth.api.throttling.KeyThrottle"],
    "DEFAULT_PARSER_CLASSES": ["growth.api.json.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["growth.api.json.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "growth.api.pagination.KeysetPagination",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "EXCEPTION_HANDLER": "growth.api.errors.handle",
    "DEFAULT_SCHEMA_CLASS": "growth.api.schema.OperationSchema",
    "UNAUTHENTICATED_USER": None,
    "COERCE_DECIMAL_TO_STRING": False,
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "growth.api.json.AlwaysJSON",
    "URL_FORMAT_OVERRIDE": None,
    "DATETIME_FORMAT": None,  # The renderer writes times.
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Growth API",
    "DESCRIPTION": "Contacts, events, segments, campaigns and waitlists. The guides are at /docs/.",
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.0",  # Its schemas are JSON Schema as it is.
    "SCHEMA_PATH_PREFIX": "/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "SORT_OPERATIONS": False,
    "PREPROCESSING_HOOKS": ["growth.api.schema.without_slashes"],
    "POSTPROCESSING_HOOKS": ["growth.api.schema.complete"],
}

METRICS_TOKEN = env("GROWTH_METRICS_TOKEN", default="")  # Without one, anybody may read them.
RATE_LIMITS = env.bool("GROWTH_RATE_LIMITS", default=True)
# How many proxies of ours add to X-Forwarded-For; TLS ends at one of them.
PROXIES = env.int("GROWTH_PROXIES", default=int(HTTPS))

# What needs no key (pages of surveys and waitlists, data by a token): so many requests a minute are
# answered to one network address. Of its clicks on referral links, so many a minute are counted.
PUBLIC_REQUESTS_PER_ADDRESS = env.int("GROWTH_PUBLIC_REQUESTS_PER_ADDRESS", default=600)
CLICKS_PER_ADDRESS = env.int("GROWTH_CLICKS_PER_ADDRESS", default=100)

# How many strangers join a waitlist: from one network address a day, and by one code an hour.
# Nobody does from these domains of mail, as from those known to hand out addresses for ten minutes.
WAITLIST_JOINS_PER_ADDRESS = env.int("GROWTH_WAITLIST_JOINS_PER_ADDRESS", default=20)
WAITLIST_JOINS_PER_CODE = env.int("GROWTH_WAITLIST_JOINS_PER_CODE", default=20)
WAITLIST_BLOCKED_DOMAINS = env.list("GROWTH_WAITLIST_BLOCKED_DOMAINS", default=[])

# Browsers may send events and fill in public forms from any site: their keys can do nothing else.
CORS_URLS_REGEX = r"^/v1/((identify|track|page|screen|group|alias|batch|import)/?|public/.*)$"
CORS_ALLOW_ALL_ORIGINS = True
CORS_ALLOW_METHODS = ["GET", "POST", "OPTIONS"]
CORS_ALLOW_HEADERS = ["accept", "authorization", "content-type", "idempotency-key"]
CORS_EXPOSE_HEADERS = [
    "X-Request-Id",
    "Retry-After",
    "Idempotent-Replayed",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
]

BROKER_URL = env(
    "REDIS_URL", default=INSTANCE.broker_url if INSTANCE else "redis://localhost:6379/0"
)
# How many runs of one sweep its queue's processes can bear at once.
SWEEP_SLOTS = env.int("GROWTH_SWEEP_SLOTS", default=2)

DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False  # Addresses of people are not ours to keep.
structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        structlog.contextvars.merge_contextvars,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.format_exc_info,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processor": structlog.processors.JSONRenderer(),
            "foreign_pre_chain": [
                structlog.contextvars.merge_contextvars,
                structlog.processors.TimeStamper(fmt="iso"),
                structlog.stdlib.add_logger_name,
                structlog.stdlib.add_log_level,
                structlog.processors.format_exc_info,
            ],
        },
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": env("GROWTH_LOG_LEVEL", default="INFO")},
    "loggers": {
        # A sweep runs every second: only what goes wrong is worth a line.
        name: {"level": "WARNING"}
        for name in ("celery.app.trace", "celery.worker.strategy", "celery.beat")
    },
}
logging.captureWarnings(True)
