"""页面: server-rendered pages (Jinja2), their style sheet and the little script they can do without."""
