"""Everything that only the book needs, a room for each use.

- `show`: what readers see and hear;
- `site`: chapters become pages and notebooks;
- `answers`: exercises with checked answers;
- `inputs`: odd files and formulas that readers bring;
- `grading`: students' submissions.
"""
