"""OAuth 2, where GrowthHub's clients look for it."""

from django.urls import path

from growth.oauth.views import TokenView, consent

urlpatterns = [
    *(path(f"oauth/token{end}", TokenView.as_view()) for end in ("", "/")),
    *(path(f"oauth/{name}", consent) for name in ("chooselocation", "authorize")),
]
