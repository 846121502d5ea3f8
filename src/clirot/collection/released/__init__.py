"""Collections made from published parallel sets: xquad, xquad-r, flores, tatoeba, tico-19."""
