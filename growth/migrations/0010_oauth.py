import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import growth.models.tenancy


class Migration(migrations.Migration):
    dependencies = [
        ("growth", "0009_members"),
    ]

    operations = [
        migrations.CreateModel(
            name="OAuthClient",
            fields=[
                ("id", growth.models.tenancy.PublicIdField(prefix="app", serialize=False)),
                ("name", models.CharField(max_length=200)),
                (
                    "redirect_uris",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=500),
                        blank=True,
                        default=list,
                        size=None,
                    ),
                ),
                ("digest", models.BinaryField(max_length=32, unique=True)),
                ("secret_hint", models.CharField(editable=False, max_length=8)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "api_key",
                    models.OneToOneField(
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="client",
                        to="growth.apikey",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="growth.project",
                    ),
                ),
            ],
            options={
                "verbose_name": "OAuth client",
            },
        ),
        migrations.CreateModel(
            name="OAuthToken",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[("code", "Code"), ("access", "Access"), ("refresh", "Refresh")],
                        max_length=7,
                    ),
                ),
                ("digest", models.BinaryField(max_length=32, unique=True)),
                (
                    "scopes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=32), default=list, size=None
                    ),
                ),
                ("family", models.UUIDField(default=uuid.uuid4)),
                ("redirect_uri", models.CharField(blank=True, max_length=500)),
                ("challenge", models.CharField(blank=True, max_length=128)),
                ("challenge_method", models.CharField(blank=True, max_length=10)),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
                (
                    "client",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tokens",
                        to="growth.oauthclient",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="growth.project",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "OAuth token",
            },
        ),
        migrations.AddIndex(
            model_name="oauthclient",
            index=models.Index(fields=["project", "id"], name="oauth_client_of_project"),
        ),
        migrations.AddIndex(
            model_name="oauthtoken",
            index=models.Index(
                fields=["project", "client", "family"], name="oauth_token_of_client"
            ),
        ),
        migrations.AddIndex(
            model_name="oauthtoken",
            index=models.Index(fields=["expires_at"], name="oauth_token_to_prune"),
        ),
    ]
