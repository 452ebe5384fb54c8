"""The promoter loop, ready to be activated: ask whether people recommend you, and let them."""

from campaigns.models import Campaign
from campaigns.operations.campaigns import create_campaign
from growth.models import Project
from surveys.models import Survey
from surveys.operations.surveys import create_survey

SURVEY = "Would you recommend us?"
CAMPAIGN = "Promoters bring their friends"


def add_promoter_loop(project: Project) -> list[str]:
    """Draft the survey and the campaign that follows it, unless there are some of these names;
    return the ids of what is new. Nothing is sent before somebody activates them.
    """
    made = []
    if not Survey.objects.in_project(project).alive().filter(name=SURVEY).exists():
        survey = create_survey(
            project,
            name=SURVEY,
            type=Survey.Type.NPS,
            question="How likely are you to recommend us to a friend or colleague?",
            follow_up="What could we do better?",
            trigger={"event": "trial_expired", "delay": "1h"},
            frequency_cap={"max_surveys_per_contact": 4, "cooldown_days": 90},
        )
        made.append(survey.id)
    if not Campaign.objects.in_project(project).alive().filter(name=CAMPAIGN).exists():
        where = {"field": "properties.category", "op": "eq", "value": "promoter"}
        campaign = create_campaign(
            project,
            name=CAMPAIGN,
            type=Campaign.Type.LIFECYCLE,
            trigger={"event": "$survey_responded", "where": where},
            steps=[{"delay": "0m", "subject": None, "template_code": "tmpl_referral_prompt"}],
        )
        made.append(campaign.id)
    return made
