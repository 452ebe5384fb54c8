from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0002_imported_file"),
        ("growth", "0001_initial"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="email",
            name="email_due",
        ),
        migrations.AddField(
            model_name="email",
            name="first_attempt_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="mailstream",
            name="context",
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name="template",
            name="text_source",
            field=models.TextField(blank=True),
        ),
        migrations.AlterField(
            model_name="template",
            name="code",
            field=models.CharField(db_collation="C", max_length=64),
        ),
        migrations.AlterField(
            model_name="template",
            name="text",
            field=models.TextField(blank=True, editable=False),
        ),
        migrations.AddIndex(
            model_name="email",
            index=models.Index(
                condition=models.Q(("state__in", ["queued", "deferred", "claimed"])),
                fields=["project", "stream", "due_at"],
                name="email_due",
            ),
        ),
        # A queue leaves many dead rows at its head, over which each claim walks.
        migrations.RunSQL(
            "ALTER TABLE contacts_email SET (autovacuum_vacuum_scale_factor = 0.01)",
            "ALTER TABLE contacts_email RESET (autovacuum_vacuum_scale_factor)",
        ),
    ]
