"""OAuth 2 over oauthlib: the consent of staff, and tokens in exchange for it."""
