import django.db.models.deletion
import django.db.models.fields.json
import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0015_email_lists"),
        ("growth", "0010_oauth"),
    ]

    operations = [
        migrations.CreateModel(
            name="CustomField",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("code", models.CharField(max_length=100, verbose_name="id")),
                ("name", models.CharField(max_length=255)),
                ("trait", models.CharField(max_length=255)),
                (
                    "type",
                    models.CharField(
                        choices=[
                            ("TEXT", "Text"),
                            ("LARGE_TEXT", "Large Text"),
                            ("SINGLE_OPTIONS", "Single Options"),
                            ("RADIO", "Radio"),
                            ("NUMERICAL", "Numerical"),
                            ("MONETORY", "Monetary"),
                            ("CHECKBOX", "Checkbox"),
                            ("MULTIPLE_OPTIONS", "Multiple Options"),
                            ("FILE_UPLOAD", "File"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "is_strict",
                    models.BooleanField(
                        default=False,
                        help_text="Refuse values that are of another type.",
                        verbose_name="the type holds",
                    ),
                ),
                ("created_at", models.DateTimeField()),
            ],
        ),
        migrations.AlterField(
            model_name="suppression",
            name="reason",
            field=models.CharField(
                choices=[
                    ("unsubscribed", "Unsubscribed"),
                    ("bounced", "Bounced"),
                    ("complained", "Complained"),
                    ("manual", "Manual"),
                    ("dnd", "Dnd"),
                ],
                max_length=12,
            ),
        ),
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(
                models.F("project"),
                models.Func(
                    models.F("phone"),
                    models.Value("\\D"),
                    models.Value(""),
                    models.Value("g"),
                    function="regexp_replace",
                ),
                condition=models.Q(models.Q(("phone", ""), _negated=True), ("deleted_at", None)),
                name="contact_by_digits",
            ),
        ),
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(
                models.F("project"),
                django.db.models.functions.text.MD5(
                    django.db.models.functions.text.Lower(
                        django.db.models.fields.json.KeyTextTransform("notes", "traits")
                    )
                ),
                condition=models.Q(("deleted_at", None), ("traits__has_key", "notes")),
                name="contact_by_notes",
            ),
        ),
        migrations.AddField(
            model_name="customfield",
            name="project",
            field=models.ForeignKey(
                db_index=False,
                editable=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="growth.project",
            ),
        ),
        migrations.AddConstraint(
            model_name="customfield",
            constraint=models.UniqueConstraint(
                fields=("project", "code"), name="one_custom_field_per_code"
            ),
        ),
        migrations.AddConstraint(
            model_name="customfield",
            constraint=models.UniqueConstraint(
                fields=("project", "trait"), name="one_custom_field_per_trait"
            ),
        ),
    ]
