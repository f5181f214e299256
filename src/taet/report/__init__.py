"""From numbers to tables, figures and the page, without torch."""
