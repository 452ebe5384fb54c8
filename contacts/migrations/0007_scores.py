import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0006_consent"),
        ("growth", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="ContactScore",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("day", models.DateField()),
                ("engagement", models.SmallIntegerField()),
                ("lead", models.SmallIntegerField()),
            ],
        ),
        migrations.AddField(
            model_name="contactactivity",
            name="decayed_on",
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name="contactactivity",
            name="engagement",
            field=models.SmallIntegerField(db_default=0),
        ),
        migrations.AddField(
            model_name="contactactivity",
            name="lead",
            field=models.SmallIntegerField(db_default=0),
        ),
        migrations.AlterField(
            model_name="contactactivity",
            name="last_activity_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name="contactactivity",
            index=models.Index(
                condition=models.Q(("engagement__gt", 0), ("decayed_on", None), _connector="OR"),
                fields=["project", "contact", "decayed_on"],
                name="activity_waning",
            ),
        ),
        migrations.AddField(
            model_name="contactscore",
            name="contact",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="scores",
                to="contacts.contact",
            ),
        ),
        migrations.AddField(
            model_name="contactscore",
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
            model_name="contactscore",
            constraint=models.UniqueConstraint(
                fields=("project", "contact", "day"), name="one_score_a_day"
            ),
        ),
        # Rows for the sweep to find: the scores of whoever is there already.
        migrations.RunSQL(
            """
            SET CONSTRAINTS ALL IMMEDIATE;
            INSERT INTO contacts_contactactivity (project_id, contact_id)
            SELECT project_id, id FROM contacts_contact WHERE deleted_at IS NULL
            ON CONFLICT DO NOTHING;
            SET CONSTRAINTS ALL DEFERRED
            """,
            migrations.RunSQL.noop,
        ),
    ]
