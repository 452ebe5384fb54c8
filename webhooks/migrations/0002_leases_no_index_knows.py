from django.db import migrations


class Migration(migrations.Migration):
    """Claims change no indexed column; half of each page is left free for what they write."""

    dependencies = [("webhooks", "0001_initial")]

    operations = [
        migrations.RemoveIndex(model_name="delivery", name="delivery_in_flight"),
        migrations.RunSQL(
            "ALTER TABLE webhooks_delivery SET (fillfactor = 50)",
            "ALTER TABLE webhooks_delivery RESET (fillfactor)",
        ),
    ]
