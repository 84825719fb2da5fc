"""What goes over the wire, by audience; pydantic is only here."""
