"""What a firm reads about itself: figures from the tables, written as JSON, PDF, XLSX or CSV."""
