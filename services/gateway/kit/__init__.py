"""What every subject uses: reading rows, answers, pages, numbers and words. Knows no subject."""
