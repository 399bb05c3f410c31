"""The Plugins tab: the plugins, their forms, the models that they work with."""
