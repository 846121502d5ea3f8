"""``cldr/<lang>``: the collection made from the facts in CLDR, which needs no network."""
