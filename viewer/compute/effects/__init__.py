"""Operations on segments: masks and label maps [k, j, i] in, masks and label maps out."""
