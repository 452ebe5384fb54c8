"""The published contract."""

from django.urls import path

from growth.docs import views

urlpatterns = [
    path("openapi.json", views.openapi, name="openapi"),
]
