"""The base of every model's page in the admin, and the pages of the project's own models."""

from unfold.admin import ModelAdmin


class ProjectModelAdmin(ModelAdmin):
    """Finds, shows and repairs rows of any number; births belong to the API."""

    show_full_result_count = False
