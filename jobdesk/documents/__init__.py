"""Documents: templates, styles and fonts, and the one function that renders a PDF."""
