"""Meta: a Facebook page's feed and Messenger. The webhook in, the Graph API client out."""
