"""Pictures: static figures that work in a notebook, in a report and on a projector."""
