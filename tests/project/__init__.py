"""The project itself: wheel, make targets, README, pictures, documents."""
