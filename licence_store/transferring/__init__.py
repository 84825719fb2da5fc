"""转出转入: a licence leaves one region's register and another takes its place in the next, by signed documents."""
