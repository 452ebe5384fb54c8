"""``/integrations/v1/developers``: where a member of the team makes a key."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from growth.models import ApiKey, Member
from growth.projects.operations import issue_developer_key

_PAGE = "public/developers.html"
_SHOWN = 50


@never_cache
@login_required(login_url="admin:login")
@require_http_methods(["GET", "HEAD", "POST"])
def developers(request: HttpRequest) -> HttpResponse:
    """Show the keys of who is signed in; by POST make one, which is shown this once."""
    members = Member.objects.filter(user=request.user).select_related("project", "user")
    members = members.order_by("pk")
    made = None
    if request.method == "POST":
        chosen = request.POST.get("team", "")
        member = get_object_or_404(members, pk=int(chosen) if chosen.isdecimal() else 0)
        name = request.POST.get("name", "").replace("\0", "").strip()[:200]
        made = issue_developer_key(member, name=name or "Integration")
    keys = ApiKey.objects.filter(
        created_by=request.user, project__in=[member.project_id for member in members]
    )
    context = {
        "members": members,
        "made": made,
        "keys": keys.select_related("project").order_by("-pk")[:_SHOWN],
    }
    return render(request, _PAGE, context)
