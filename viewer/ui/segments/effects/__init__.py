"""The Effects page: an effect's form, and its preview in the views."""
