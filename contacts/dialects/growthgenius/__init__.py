"""GrowthGenius: ``/integrations/v1``, the sales platform's view of the same people.

Keys stand bare in ``Authorization`` or in the body, bodies are wrapped or flat, ids are the
integers of the database, and what is no column of a contact is a trait of the same name.
"""
