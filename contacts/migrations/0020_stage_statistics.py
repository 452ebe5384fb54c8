from django.db import migrations


class Migration(migrations.Migration):
    """Tell PostgreSQL how common stages are: of a partial index it takes no statistics."""

    dependencies = [
        ("contacts", "0019_stored_words"),
    ]

    operations = [
        migrations.RunSQL(
            "CREATE STATISTICS contact_stage ON (traits ->> 'stage') FROM contacts_contact",
            "DROP STATISTICS contact_stage",
        ),
    ]
