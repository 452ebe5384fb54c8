"""How the admin looks, and what stands in its sidebar: a setting of its own length."""

from django.templatetags.static import static
from django.urls import reverse_lazy


def _page(title: str, model: str) -> dict[str, object]:
    return {"title": title, "link": reverse_lazy(f"admin:{model}_changelist")}


UNFOLD = {
    "SITE_TITLE": "Growth",
    "SITE_HEADER": "Growth",
    "SITE_ICON": lambda request: static("growth/icon.svg"),
    "SITE_FAVICONS": [{"rel": "icon", "href": lambda request: static("growth/icon.svg")}],
    "DASHBOARD_CALLBACK": "growth.analytics.dashboard.dashboard",
    "STYLES": [lambda request: static("growth/admin.css")],
    "COLORS": {
        # teal, one step darker from 600 on: white on it, and it on white, must be readable
        "primary": {
            "50": "240 253 250",
            "100": "204 251 241",
            "200": "153 246 228",
            "300": "94 234 212",
            "400": "45 212 191",
            "500": "20 184 166",
            "600": "15 118 110",
            "700": "17 94 89",
            "800": "19 78 74",
            "900": "16 62 60",
            "950": "4 47 46",
        },
    },
    "SIDEBAR": {
        "show_all_applications": True,
        "navigation": [
            {
                "title": "People",
                "items": [
                    _page("Contacts", "contacts_contact"),
                    _page("Segments", "contacts_segment"),
                    _page("Events", "contacts_event"),
                    _page("Imports", "contacts_importedfile"),
                    _page("Custom fields", "contacts_customfield"),
                ],
            },
            {
                "title": "Mail",
                "items": [
                    _page("Campaigns", "campaigns_campaign"),
                    _page("Journeys", "campaigns_enrollment"),
                    _page("Templates", "contacts_template"),
                    _page("Mails", "contacts_email"),
                    _page("Suppressions", "contacts_suppression"),
                    {"title": "Mailbox", "link": reverse_lazy("mailbox")},
                ],
            },
            {
                "title": "Referrals, surveys, waitlists",
                "items": [
                    _page("Programs", "referrals_program"),
                    _page("Conversions", "referrals_conversion"),
                    _page("Rewards", "referrals_reward"),
                    _page("Surveys", "surveys_survey"),
                    _page("Answers", "surveys_response"),
                    _page("Waitlists", "waitlists_waitlist"),
                    _page("Entries", "waitlists_entry"),
                ],
            },
            {
                "title": "Analytics",
                "items": [
                    {"title": "Dashboard", "link": reverse_lazy("admin:index")},
                    _page("Funnels", "analytics_funnel"),
                    _page("Cohorts", "analytics_cohort"),
                ],
            },
            {
                "title": "Webhooks",
                "items": [
                    _page("Endpoints", "webhooks_endpoint"),
                    _page("Deliveries", "webhooks_delivery"),
                ],
            },
            {
                "title": "Project",
                "items": [
                    _page("Projects", "growth_project"),
                    _page("API keys", "growth_apikey"),
                    _page("OAuth clients", "growth_oauthclient"),
                    _page("Staff", "growth_user"),
                    _page("Domain events", "growth_domainevent"),
                    _page("Failed listeners", "growth_listenerfailure"),
                ],
            },
        ],
    },
}
