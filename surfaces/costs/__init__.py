"""Money: the views' sums checked against the journal, and the past at other prices."""
