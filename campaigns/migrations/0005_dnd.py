from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0004_removal"),
    ]

    operations = [
        migrations.AlterField(
            model_name="enrollment",
            name="reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("goal_reached", "Goal"),
                    ("left_segment", "Segment"),
                    ("consent", "Consent"),
                    ("deleted", "Deleted"),
                    ("campaign_deleted", "Campaign Deleted"),
                    ("unsubscribed", "Unsubscribed"),
                    ("bounced", "Bounced"),
                    ("complained", "Complained"),
                    ("manual", "Manual"),
                    ("dnd", "Dnd"),
                ],
                max_length=20,
            ),
        ),
    ]
