"""Everything that only the book needs: what readers see and hear (`show`), the site (`site`), exercises (`answers`)."""
