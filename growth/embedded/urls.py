from django.urls import path

from growth.embedded import views

urlpatterns = [
    path("", views.mailbox, name="mailbox"),
    path("<str:name>", views.message, name="mailbox-message"),
    path("<str:name>/html", views.html, name="mailbox-html"),
]
