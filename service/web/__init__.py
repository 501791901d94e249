"""Pages for people, by role: templates, words in two languages, and the view models between handlers and templates."""
